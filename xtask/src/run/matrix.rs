//! `--kernel all`: the kernels of `xtask/kernels.lock` and of the cache, one after another; then the tracer
//! compares the recordings.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use fs_err as fs;
use mailbox::Kind;
use serde_json::Value;

use super::traced::{Prepared, pass_on};
use crate::{
    say,
    tool::Tool,
    vm::{lock, series::Series, store},
    workspace,
};

struct Ran {
    code: i32,
    recording: PathBuf,
}

/// Runs the lesson in every kernel. The exit code is the worst of all runs: 2 before 1 before 3.
pub(super) fn run(lesson: &str, prepared: &Prepared<'_>) -> Result<ExitCode> {
    let mut matrix = lock::matrix()?;
    matrix.extend(store::all_cached(prepared.cache));
    matrix.sort_unstable();
    matrix.dedup();
    let output = prepared.given.path("output");
    let scratch = tempfile::tempdir().context("tempdir")?;
    let mut all = Vec::new();
    for series in matrix {
        let kernel = store::ensure(prepared.cache, series)?;
        let recording = place(output.as_deref(), scratch.path(), series);
        let quiet = |kind: Kind, bytes: &[u8]| {
            if kind == Kind::Stderr {
                pass_on(kind, bytes);
            }
        };
        let returned = prepared.trace(lesson, &kernel, quiet)?;
        fs::write(&recording, &returned.file)?;
        say::note(verdict(series, returned.code, &returned.file));
        all.push(Ran {
            code: returned.code,
            recording,
        });
    }
    let format = prepared.given.value("format");
    compare(&all, format.map(|format| ("--format", format)))?;
    if let Some(page) = prepared.given.value("html") {
        compare(&all, Some(("--html", page)))?;
    }
    Ok(worst(&all))
}

/// `run.json` → `run-6.12.json`; without `--output`, a file that is deleted at the end.
fn place(output: Option<&Path>, scratch: &Path, series: Series) -> PathBuf {
    let Some(output) = output else {
        return scratch.join(format!("{series}.json"));
    };
    let stem = output.file_stem().unwrap_or_default().to_string_lossy();
    let suffix = output.extension().map_or_else(String::new, |suffix| {
        format!(".{}", suffix.to_string_lossy())
    });
    output.with_file_name(format!("{stem}-{series}{suffix}"))
}

/// `Linux 6.12: 21 claims hold, 1 unobservable`.
fn verdict(series: Series, code: i32, recording: &[u8]) -> String {
    let Ok(recording) = serde_json::from_slice::<Value>(recording) else {
        return format!("Linux {series}: no recording, exit code {code}");
    };
    let claims = recording["claims"].as_array();
    let count = |wanted: &str| {
        let claims = claims.into_iter().flatten();
        claims.filter(|claim| claim["verdict"] == wanted).count()
    };
    format!(
        "Linux {series}: {} claims hold, {} fail, {} unobservable",
        count("holds"),
        count("fails"),
        count("unobservable")
    )
}

fn compare(all: &[Ran], option: Option<(&str, &OsStr)>) -> Result<()> {
    let mut tool = Tool::new(workspace::built("mmap-trace")?).args(["report", "--compare"]);
    tool = tool.args(all.iter().map(|ran| &ran.recording));
    if let Some((name, value)) = option {
        tool = tool.arg(name).arg(value);
    }
    if !tool.inherit()?.success() {
        say::note("the recordings could not be compared");
    }
    Ok(())
}

fn worst(all: &[Ran]) -> ExitCode {
    let found = [2, 1, 3]
        .into_iter()
        .find(|code| all.iter().any(|ran| ran.code == i32::from(*code)));
    match found {
        Some(code) => ExitCode::from(code),
        None if all.iter().all(|ran| ran.code == 0) => ExitCode::SUCCESS,
        None => ExitCode::from(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(code: i32) -> Ran {
        Ran {
            code,
            recording: PathBuf::new(),
        }
    }

    #[test]
    fn the_exit_code_is_that_of_the_worst_run() {
        for (codes, wanted) in [
            (&[0, 0][..], 0),
            (&[0, 3], 3),
            (&[3, 1], 1),
            (&[1, 2], 2),
            (&[0, 137], 2),
        ] {
            let all: Vec<Ran> = codes.iter().copied().map(ran).collect();
            assert_eq!(worst(&all), ExitCode::from(wanted), "{codes:?}");
        }
    }

    #[test]
    fn each_kernel_has_its_own_recording() {
        let place = |output| place(output, Path::new("/s"), "6.12".parse().unwrap());
        assert_eq!(
            place(Some(Path::new("/d/run.json"))),
            Path::new("/d/run-6.12.json")
        );
        assert_eq!(place(None), Path::new("/s/6.12.json"));
    }

    #[test]
    fn the_verdict_counts_claims() {
        let text = br#"{"claims":[{"verdict":"holds"},{"verdict":"holds"},{"verdict":"fails"}]}"#;
        let line = verdict("6.1".parse().unwrap(), 1, text);
        assert_eq!(line, "Linux 6.1: 2 claims hold, 1 fail, 0 unobservable");
        assert!(verdict("6.1".parse().unwrap(), 2, b"").contains("no recording"));
    }
}
