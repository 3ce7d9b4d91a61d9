//! In which kernel a lesson runs.

use std::{path::PathBuf, str::FromStr};

use clap::Args;

use crate::vm::series::Series;

/// The name that stands for every lesson; the tracer knows it too.
pub(super) const ALL: &str = "all";

/// xtask's own options of `run`.
#[derive(Clone, Debug, Args)]
pub(crate) struct KernelArgs {
    /// Run it in another kernel, in a VM that needs no root: a series such as 6.12, or all
    #[arg(long, value_name = "SERIES")]
    pub(super) kernel: Option<Kernels>,
    /// Run it in a VM with this kernel, a bzImage
    #[arg(long, value_name = "FILE", conflicts_with = "kernel")]
    pub(super) kernel_image: Option<PathBuf>,
    /// The folder `lib/modules/VERSION` that belongs to the kernel image
    #[arg(
        long,
        value_name = "DIR",
        requires = "kernel_image",
        conflicts_with = "kernel"
    )]
    pub(super) kernel_modules: Option<PathBuf>,
}

/// The value of `--kernel`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kernels {
    One(Series),
    /// The kernels of `xtask/kernels.lock` and of the cache, one after another.
    All,
}

impl FromStr for Kernels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            series => series.parse().map(Self::One),
        }
    }
}

impl KernelArgs {
    pub(super) fn is_in_vm(&self) -> bool {
        self.kernel.is_some() || self.kernel_image.is_some()
    }
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;

    fn parse(words: &[&str]) -> Option<KernelArgs> {
        let command = KernelArgs::augment_args(Command::new("run").no_binary_name(true));
        let matches = command.try_get_matches_from(words).ok()?;
        clap::FromArgMatches::from_arg_matches(&matches).ok()
    }

    #[test]
    fn the_users_own_kernel_may_come_with_modules() {
        let own = parse(&["--kernel-image", "/k", "--kernel-modules", "/m"]).unwrap();
        assert_eq!(own.kernel_image, Some("/k".into()));
        assert!(own.is_in_vm() && !parse(&[]).unwrap().is_in_vm());
        assert_eq!(parse(&["--kernel=all"]).unwrap().kernel, Some(Kernels::All));
    }

    #[test]
    fn contradictions_and_missing_values_are_refused() {
        for wrong in [
            &["--kernel"][..],
            &["--kernel", "six"],
            &["--kernel", "6.1", "--kernel-image", "x"],
            &["--kernel", "6.1", "--kernel-modules", "x"],
            &["--kernel", "6.1", "--kernel", "6.12"],
        ] {
            assert!(parse(wrong).is_none(), "{wrong:?}");
        }
    }
}
