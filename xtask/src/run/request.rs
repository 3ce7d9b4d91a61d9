//! Sorts the options of `run` into those for the VM and those for the tracer.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use anyhow::{Context as _, Result, bail};

use crate::vm::series::Series;

/// The name that stands for every lesson; the tracer knows it too.
pub(super) const ALL: &str = "all";

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Which {
    Series(Series),
    /// The kernels of `xtask/kernels.lock` and of the cache, one after another.
    All,
    /// The user's own kernel.
    Image {
        image: PathBuf,
        /// The image's `lib/modules/VERSION`.
        modules: Option<PathBuf>,
    },
}

/// A run in a VM.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Request {
    pub(super) which: Which,
    /// The host's file for the recording.
    pub(super) output: Option<PathBuf>,
    /// The host's file with the answers to the lesson's questions.
    pub(super) predict: Option<PathBuf>,
    /// The options for the tracer.
    pub(super) options: Vec<OsString>,
}

/// The VM's options, and the tracer's options whose files lie on the host.
const TAKEN: &[(&str, Slot)] = &[
    ("--kernel", Slot::Kernel),
    ("--kernel-image", Slot::Image),
    ("--kernel-modules", Slot::Modules),
    ("--output", Slot::Output),
    ("-o", Slot::Output),
    ("--predict", Slot::Predict),
];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Slot {
    Kernel,
    Image,
    Modules,
    Output,
    Predict,
}

/// Sorts `options`; `None` if they name no kernel, and all of them are the tracer's.
pub(super) fn read(options: &[OsString]) -> Result<Option<Request>> {
    let mut taken: Vec<(Slot, OsString)> = Vec::new();
    let mut rest = Vec::new();
    let mut words = options.iter();
    while let Some(word) = words.next() {
        match recognised(word) {
            None => rest.push(word.clone()),
            Some((slot, Some(value))) => taken.push((slot, value)),
            Some((slot, None)) => {
                let value = words.next();
                let value = value.with_context(|| format!("{} needs a value", word.display()))?;
                taken.push((slot, value.clone()));
            }
        }
    }
    let mut take = |wanted: Slot| {
        let index = taken.iter().position(|(slot, _)| *slot == wanted)?;
        Some(taken.remove(index).1)
    };
    let (kernel, image) = (take(Slot::Kernel), take(Slot::Image));
    let (modules, output) = (take(Slot::Modules), take(Slot::Output));
    let predict = take(Slot::Predict);
    let which = match (kernel, image, modules) {
        (None, None, None) => return Ok(None),
        (None, Some(image), modules) => Which::Image {
            image: image.into(),
            modules: modules.map(PathBuf::from),
        },
        (Some(series), None, None) => which(&series)?,
        (Some(_), Some(_), _) => bail!("--kernel and --kernel-image exclude each other"),
        (_, _, Some(_)) => bail!("--kernel-modules needs --kernel-image"),
    };
    if let Some((_, value)) = taken.first() {
        bail!(
            "an option is given twice, the second time with {}",
            value.display()
        );
    }
    Ok(Some(Request {
        which,
        output: output.map(PathBuf::from),
        predict: predict.map(PathBuf::from),
        options: rest,
    }))
}

/// Whether `options` have this one, as `--size 8MiB` or `--size=8MiB`.
pub(super) fn has(options: &[OsString], name: &str) -> bool {
    options.iter().any(|option| {
        let option = option.to_string_lossy();
        let rest = option.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })
}

/// Reads `--kernel 6.12` and `--kernel=6.12`.
fn recognised(word: &OsStr) -> Option<(Slot, Option<OsString>)> {
    let word = word.to_str()?;
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value.into())),
        None => (word, None),
    };
    let (_, slot) = TAKEN.iter().find(|(taken, _)| *taken == name)?;
    Some((*slot, value))
}

fn which(text: &OsStr) -> Result<Which> {
    match text.to_string_lossy().as_ref() {
        "all" => Ok(Which::All),
        series => Ok(Which::Series(series.parse().map_err(anyhow::Error::msg)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(words: &[&str]) -> Result<Option<Request>> {
        read(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn without_a_kernel_all_options_are_the_tracers() {
        assert_eq!(request(&["--size", "8MiB", "--output", "x"]).unwrap(), None);
    }

    #[test]
    fn the_vms_options_are_found_wherever_they_stand() {
        for words in [
            &["--kernel", "6.12", "--size", "4MiB", "-o", "x.json"][..],
            &["--size", "4MiB", "--output=x.json", "--kernel=6.12"],
            &[
                "--output=x.json",
                "--kernel=6.12",
                "--size",
                "4MiB",
                "--predict",
                "a.toml",
            ],
        ] {
            let request = request(words).unwrap().unwrap();
            assert_eq!(request.which, Which::Series("6.12".parse().unwrap()));
            assert_eq!(request.options, ["--size", "4MiB"]);
            assert_eq!(request.output, Some("x.json".into()));
            let predict = words.contains(&"--predict").then(|| "a.toml".into());
            assert_eq!(request.predict, predict);
        }
    }

    #[test]
    fn the_users_own_kernel_may_come_with_modules() {
        let request = request(&["--kernel-image", "/k", "--kernel-modules", "/m"]);
        let wanted = Which::Image {
            image: "/k".into(),
            modules: Some("/m".into()),
        };
        assert_eq!(request.unwrap().unwrap().which, wanted);
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
            assert!(request(wrong).is_err(), "{wrong:?}");
        }
    }
}
