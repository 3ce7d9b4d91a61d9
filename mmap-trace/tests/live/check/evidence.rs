//! The calibration passes on a tracer that counts correctly and refutes one with an injected mistake.

use std::{collections::BTreeSet, ffi::OsStr, sync::OnceLock};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{
    harness::{Outcome, Test},
    kernel::Machine,
    tracer::{self, Ran, Recording},
};

pub(super) const TESTS: &[Test] = &[
    (
        "every calibration step passes, and a metric that no step covers says so",
        verifies,
    ),
    (
        "the calibration refutes a probe that misses one byte in each call",
        || refutes(&MISTAKES[0]),
    ),
    (
        "the calibration refutes a probe that counts O_DIRECT as a copy",
        || refutes(&MISTAKES[1]),
    ),
    ("the calibration refutes a probe that misses pipes", || {
        refutes(&MISTAKES[2])
    }),
    (
        "the calibration refutes a probe that counts faults twice",
        || refutes(&MISTAKES[3]),
    ),
    (
        "the calibration refutes a probe that counts a large folio as one page",
        folios,
    ),
    (
        "the calibration adds nothing to the counts of a command",
        adds_nothing,
    ),
    (
        "where the kernel accepts fexit copies are cross_checked, elsewhere they stay inferred",
        cross_checks,
    ),
    (
        "where the calibrator can have no file, its steps say why, and the run goes on",
        without_a_disk,
    ),
];

/// A mistake injected into the eBPF programs, and what must follow from it.
struct Mistake {
    option: &'static str,
    /// The metric that is refuted, and the step and numbers that its reason names.
    refuted: &'static str,
    step: &'static str,
    numbers: &'static str,
    /// A metric that the mistake does not affect.
    spared: &'static str,
}

const MISTAKES: [Mistake; 5] = [
    Mistake {
        option: "read-short-by-one",
        refuted: "copied_to_user_bytes",
        step: "a pipe",
        numbers: "counted 40,960",
        spared: "copied_from_user_bytes",
    },
    Mistake {
        option: "direct-copied",
        refuted: "copied_to_user_bytes",
        step: "a read with O_DIRECT",
        numbers: "should count 0",
        spared: "faults",
    },
    Mistake {
        option: "pipe-lost",
        refuted: "copied_to_user_bytes",
        step: "a pipe",
        numbers: "counted 0",
        spared: "faults",
    },
    Mistake {
        option: "fault-twice",
        refuted: "faults",
        step: "a store into each new page",
        numbers: "counted 32",
        spared: "copied_to_user_bytes",
    },
    Mistake {
        option: "folio-is-one-page",
        refuted: "pages_dirtied",
        step: "one large write and fsync",
        numbers: "counted",
        spared: "faults",
    },
];

fn lesson(options: &[&str]) -> Result<Ran> {
    tracer::lesson("lesson-3")?;
    let options = [&["--size", "1MiB"], options].concat();
    tracer::run(OsStr::new("lesson-3"), &options)
}

/// A run without a mistake, shared by all tests that need no particular run.
fn plain() -> Result<&'static Recording> {
    static PLAIN: OnceLock<Recording> = OnceLock::new();
    if PLAIN.get().is_none() {
        // No other test runs at the same time.
        let _ = PLAIN.set(lesson(&[])?.expect()?);
    }
    PLAIN.get().context("the plain run")
}

fn metric<'a>(recording: &'a Recording, key: &str) -> Result<&'a Value> {
    let mut metrics = recording.0["metrics"].as_array().into_iter().flatten();
    metrics
        .find(|metric| metric["name"] == key)
        .with_context(|| format!("no metric {key}"))
}

fn steps(recording: &Recording) -> impl Iterator<Item = &Value> {
    recording.0["calibration"].as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Metrics that no calibration step covers on any kernel.
const UNTRIED: [&str; 3] = ["faults_waited", "pages_mapped_around", "block_other_bytes"];

fn verifies() -> Result<Outcome> {
    let recording = plain()?;
    let wrong: Vec<_> = steps(recording)
        .filter(|step| step["state"] != "passed")
        .collect();
    ensure!(wrong.is_empty(), "{wrong:#?}");
    ensure!(steps(recording).count() >= 20, "too few steps");
    for record in recording.0["metrics"].as_array().into_iter().flatten() {
        let key = text(&record["name"]);
        let is_tried = !UNTRIED.contains(&key);
        match text(&record["state"]) {
            "unavailable" => ensure!(!text(&record["reason"]).is_empty(), "{record:#}"),
            "attached" => ensure!(
                !is_tried && !text(&record["not_calibrated"]).is_empty(),
                "{record:#}"
            ),
            state => {
                let by = record["calibrated_by"].as_array().map_or(0, Vec::len);
                ensure!(state == "calibrated" && is_tried && by > 0, "{record:#}");
            }
        }
    }
    let folio = recording.0["machine"]["largest_folio_bytes"]
        .as_u64()
        .context("no largest folio")?;
    let page = recording.0["machine"]["page_size"].as_u64().unwrap_or(0);
    ensure!(
        folio.is_power_of_two() && folio >= page,
        "folios up to {folio} bytes"
    );
    Ok(Outcome::Passed)
}

/// The metric is refuted with the step and both numbers, claims that use it decide nothing, and the rest
/// holds.
fn refutes(mistake: &Mistake) -> Result<Outcome> {
    let ran = lesson(&["--inject", mistake.option])?;
    let code = ran.output.status.code();
    let recording = ran.expect()?;
    ensure!(code == Some(3), "exit code {code:?}");
    let record = metric(&recording, mistake.refuted)?;
    let reason = text(&record["reason"]);
    ensure!(
        record["state"] == "refuted"
            && reason.contains(mistake.step)
            && reason.contains("should count")
            && reason.contains(mistake.numbers),
        "{record:#}"
    );
    let spared = metric(&recording, mistake.spared)?;
    ensure!(spared["state"] == "calibrated", "{spared:#}");
    for name in recording.scenarios() {
        let count = &recording.scenario(name)?["counts"][mistake.refuted];
        ensure!(
            count["value"].is_null() && text(&count["reason"]) == reason,
            "{name}: {count}"
        );
    }
    claims_rest_on(&recording, reason)?;
    Ok(Outcome::Passed)
}

/// No claim fails, some hold, and the unobservable ones name the calibration's own reason.
fn claims_rest_on(recording: &Recording, reason: &str) -> Result<()> {
    let claims = recording.0["claims"].as_array().context("no claims")?;
    let with = |verdict: &'static str| claims.iter().filter(move |it| it["verdict"] == verdict);
    let failed: Vec<_> = with("fails").collect();
    ensure!(failed.is_empty(), "{failed:#?}");
    ensure!(with("holds").count() > 0, "no claim holds any more");
    let because = with("unobservable").filter(|it| text(&it["reason"]).contains(reason));
    ensure!(
        because.count() > 0,
        "no claim is unobservable because {reason}"
    );
    Ok(())
}

/// Where every folio is one page the mistake changes nothing, and nothing must be refuted.
fn folios() -> Result<Outcome> {
    let machine = &plain()?.0["machine"];
    if machine["largest_folio_bytes"] != machine["page_size"] {
        return refutes(&MISTAKES[4]);
    }
    let recording = lesson(&["--inject", MISTAKES[4].option])?.expect()?;
    let wrong: Vec<_> = steps(&recording)
        .filter(|step| step["state"] == "failed")
        .collect();
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(Outcome::Passed)
}

/// `true` writes nothing and sends nothing, in a directory that stays empty.
fn adds_nothing() -> Result<Outcome> {
    const NOT_DONE: [&str; 7] = [
        "copied_from_user_bytes",
        "direct_read_bytes",
        "direct_written_bytes",
        "transferred_bytes",
        "pages_dirtied",
        "pages_written",
        "pages_cleaned_unwritten",
    ];
    let before = Machine::now()?;
    let directory = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
    let options = ["--work-dir", text_of(directory.path())?];
    let recording = tracer::exec(&options, &["true".to_owned()])?.expect()?;
    ensure!(steps(&recording).any(|step| step["state"] == "passed"));
    ensure!(
        recording.scenarios() == ["exec"],
        "{:?}",
        recording.scenarios()
    );
    for key in NOT_DONE {
        let count = recording.count("exec", key)?;
        ensure!(count == 0, "{key} of true is {count}");
    }
    ensure!(recording.losses("exec")? == 0, "a count of true was lost");
    before.must_be_as_before()?;
    let left: BTreeSet<_> = std::fs::read_dir(directory.path())?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(Outcome::Passed)
}

fn text_of(path: &std::path::Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}

/// A forced run tells whether the kernel accepts fexit; its version does not.
fn cross_checks() -> Result<Outcome> {
    let forced =
        tracer::exec(&["--force-probe", "copies=fexit"], &["true".to_owned()])?.expect()?;
    let forced = metric(&forced, "copied_to_user_bytes")?;
    let wanted = match text(&forced["state"]) {
        "unavailable" => "inferred",
        _ => "cross-checked",
    };
    let recording = plain()?;
    for key in ["copied_to_user_bytes", "copied_from_user_bytes"] {
        let record = metric(recording, key)?;
        ensure!(
            record["grade"] == wanted && record["state"] == "calibrated",
            "not {wanted}: {record:#}"
        );
    }
    Ok(Outcome::Passed)
}

/// procfs takes no files; the steps on pipes, sockets and memory run all the same.
fn without_a_disk() -> Result<Outcome> {
    let recording = tracer::exec(&["--work-dir", "/proc"], &["true".to_owned()])?.expect()?;
    for (key, state) in [
        ("faults", "calibrated"),
        ("syscalls", "calibrated"),
        ("direct_read_bytes", "attached"),
    ] {
        let record = metric(&recording, key)?;
        ensure!(record["state"] == state, "not {state}: {record:#}");
        ensure!(
            state == "calibrated" || text(&record["not_calibrated"]).contains("was not tried"),
            "{record:#}"
        );
    }
    for step in steps(&recording).filter(|step| step["state"] != "passed") {
        ensure!(
            step["state"] == "not_run" && !text(&step["reason"]).is_empty(),
            "{step:#}"
        );
    }
    Ok(Outcome::Passed)
}
