//! What of `run`'s options is for the box, and what goes on to the tracer.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use anyhow::{Context as _, Result, bail};

use super::series::Series;

/// Which kernel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Which {
    /// Of a distribution.
    Series(Series),
    /// The matrix and what is cached, one after another.
    All,
    /// One's own.
    Image {
        /// A bzImage.
        image: PathBuf,
        /// Its `lib/modules/VERSION`.
        modules: Option<PathBuf>,
    },
}

/// A run in the box.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Request {
    /// In which kernel.
    pub(crate) which: Which,
    /// Where the recording goes, on the host.
    pub(crate) output: Option<PathBuf>,
    /// Answers to the lesson's questions, on the host.
    pub(crate) predict: Option<PathBuf>,
    /// For the tracer.
    pub(crate) options: Vec<OsString>,
}

/// The box's own options, and the tracer's whose file lies on the host.
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

/// Sorts `options`; `None` when no kernel is asked for, and all of them are the tracer's.
pub(crate) fn read(options: &[OsString]) -> Result<Option<Request>> {
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
        (_, _, Some(_)) => bail!("--kernel-modules belongs to --kernel-image"),
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

/// `--kernel 6.12` and `--kernel=6.12`.
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
    fn without_a_kernel_everything_is_the_tracers() {
        assert_eq!(request(&["--size", "8MiB", "--output", "x"]).unwrap(), None);
    }

    #[test]
    fn the_boxs_options_are_taken_wherever_they_stand() {
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
    fn a_kernel_of_ones_own_may_come_with_modules() {
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
