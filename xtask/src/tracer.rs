//! How the tracer gets its rights: it has them, or sudo gives them, or it goes without and says so.

use std::{env, ffi::OsString, path::Path};

use anyhow::Result;

use crate::{
    account::{Standing, TracerStart},
    path, say,
    tool::Tool,
};

/// What decides about colour and width; sudo drops the rest of the environment.
const KEPT_BY_SUDO: &[&str] = &[
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLORTERM",
    "COLUMNS",
    "MMAP_TRACE_CACHE",
];

/// What the tracer is to do with its rights.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rights {
    /// Count in the kernel, or say what else there is.
    Root,
    /// None.
    Own,
}

impl Rights {
    /// What the options of `mmap-trace run` ask for.
    pub(crate) fn wanted_by(options: &[OsString]) -> Self {
        let own = ["--unprivileged", "--help", "-h"];
        if options
            .iter()
            .any(|option| own.iter().any(|own| option == own))
        {
            Self::Own
        } else {
            Self::Root
        }
    }
}

/// The tracer, ready for its subcommand.
#[derive(Debug)]
pub(crate) enum Started {
    /// With the rights that were asked for.
    AsAsked(Tool),
    /// As an ordinary account, because there is no sudo or it refused.
    WithoutRoot(Tool),
}

/// Finds out which rights there are; sudo may ask for a password.
pub(crate) fn start(tracer: &Path, rights: Rights) -> Result<Started> {
    if rights == Rights::Own {
        return Ok(Started::AsAsked(direct(tracer)));
    }
    let refused = match Standing::now().tracer(path::find("sudo").as_deref()) {
        TracerStart::Direct => return Ok(Started::AsAsked(direct(tracer))),
        TracerStart::ThroughSudo => {
            say::note("counting in the kernel needs root: only the tracer is started through sudo");
            let tool = through_sudo(tracer);
            // The same line with something harmless: sudo says itself why it refuses, and an exit
            // code of the real one could not be told from the tracer's.
            if tool.clone().arg("--version").succeeds_quietly()? {
                return Ok(Started::AsAsked(tool));
            }
            "sudo refused to start the tracer"
        }
        TracerStart::NoWay => "counting in the kernel needs root, and there is no sudo here",
    };
    say::note(refused);
    Ok(Started::WithoutRoot(direct(tracer)))
}

fn direct(tracer: &Path) -> Tool {
    // Cargo set it for this program; the tracer's lesson should not inherit it.
    Tool::new(tracer).without_env("LD_LIBRARY_PATH")
}

fn through_sudo(tracer: &Path) -> Tool {
    let kept: Vec<_> = KEPT_BY_SUDO
        .iter()
        .filter(|name| env::var_os(name).is_some())
        .copied()
        .collect();
    let sudo = Tool::new("sudo");
    let sudo = if kept.is_empty() {
        sudo
    } else {
        sudo.arg(format!("--preserve-env={}", kept.join(",")))
    };
    sudo.arg("--").arg(tracer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tracer_goes_through_sudo() {
        let line = through_sudo(Path::new("/t/mmap-trace")).line();
        assert!(
            line.starts_with("sudo ") && line.ends_with(" -- /t/mmap-trace"),
            "{line}"
        );
    }

    #[test]
    fn the_unprivileged_rung_and_help_ask_for_no_root() {
        let wanted = |options: &[&str]| {
            let options: Vec<OsString> = options.iter().map(OsString::from).collect();
            Rights::wanted_by(&options)
        };
        assert_eq!(wanted(&["--size", "8MiB"]), Rights::Root);
        assert_eq!(wanted(&["--size", "8MiB", "--unprivileged"]), Rights::Own);
        assert_eq!(wanted(&["--help"]), Rights::Own);
    }
}
