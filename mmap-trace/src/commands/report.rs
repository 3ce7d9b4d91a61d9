//! `mmap-trace report`: draws a saved recording. Also: what `run` and `exec` put into one.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result, anyhow, ensure};

use super::{Failure, output};
use crate::{
    attach::load::KernelLog,
    catalog,
    checks::lesson_file::LessonFile,
    cli::{Format, ReportArgs, When},
    compare,
    evidence::judge::grade,
    kernel::disk::Disk,
    losses,
    record::{
        FORMAT_VERSION, Instrument, Machine, Recording, Recordings, ScenarioRecord, SignalRecord,
        SignalState,
    },
    render::{self, Style},
    session::{
        identity::Identity,
        trace::{self, Traced},
    },
};

pub(super) fn run(args: &ReportArgs, color: When) -> Result<ExitCode, Failure> {
    let recordings = read_all(&args.recordings)?;
    let style = output::style(color, &io::stdout());
    let text = if args.compare {
        compare(&recordings, args.format, style)?
    } else {
        match (args.format, &recordings[..]) {
            (Format::Json, [recording]) => render::json::render(recording)?,
            (Format::Json, _) => render::json::render(&Recordings { recordings })?,
            (Format::Table, _) => {
                let detail = output::detail(args.details);
                let draw = |recording: &Recording| {
                    render::table::render(recording, file_of(recording).as_ref(), style, detail)
                };
                recordings.iter().map(draw).collect::<Vec<_>>().join("\n")
            }
        }
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn file_of(recording: &Recording) -> Option<LessonFile> {
    let lesson = catalog::find(recording.lesson.as_deref()?).ok()?;
    LessonFile::parse(&lesson.toml).ok()
}

fn compare(recordings: &[Recording], format: Format, style: Style) -> Result<String> {
    let file = recordings.first().and_then(file_of);
    let comparison =
        compare::compare(recordings, file.as_ref()).map_err(|reason| anyhow!(reason))?;
    Ok(match format {
        Format::Json => serde_json::to_string_pretty(&comparison).context("JSON")? + "\n",
        Format::Table => render::compare::render(&comparison, style),
    })
}

/// Recordings from files; a file of `run all` has several.
pub(super) fn read_all(paths: &[PathBuf]) -> Result<Vec<Recording>> {
    let read: Vec<Vec<Recording>> = paths.iter().map(|path| read(path)).collect::<Result<_>>()?;
    Ok(read.into_iter().flatten().collect())
}

fn read(path: &Path) -> Result<Vec<Recording>> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("read({shown})"))?;
    let value: serde_json::Value = serde_json::from_str(&text)
        .with_context(|| format!("{shown} is not a recording: it is not JSON"))?;
    let values = match value {
        serde_json::Value::Object(mut object) if object.contains_key("recordings") => {
            serde_json::from_value(object["recordings"].take())
                .with_context(|| format!("\"recordings\" of {shown} is not a list"))?
        }
        one => vec![one],
    };
    values
        .into_iter()
        .map(|value| {
            let version = value["format_version"].as_u64();
            ensure!(
                version == Some(u64::from(FORMAT_VERSION)),
                "{shown} has format version {}, this mmap-trace reads version {FORMAT_VERSION}",
                version.map_or("none".to_owned(), |version| version.to_string())
            );
            serde_json::from_value(value)
                .with_context(|| format!("{shown} is not a whole recording"))
        })
        .collect()
}

/// A recording of what was traced, without the lesson's own part.
pub(super) fn recording(
    traced: &Traced,
    mut scenarios: Vec<ScenarioRecord>,
    started_at: String,
    disk: &Disk,
    identity: &Identity,
) -> Recording {
    let overflow = traced
        .marks
        .overflow
        .then(|| "a table of the session page was full".to_owned());
    let losses = losses::sums(&traced.rows, &traced.misses);
    let mut signals = signals(traced, &scenarios);
    losses::mark(
        &traced.won,
        traced.membership,
        &losses,
        &traced.misses,
        &mut signals,
        &mut scenarios,
    );
    losses::mark_polled(
        traced.polled_rings,
        &traced.won,
        &mut signals,
        &mut scenarios,
    );
    Recording {
        format_version: FORMAT_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at,
        lesson: None,
        command: None,
        size_bytes: None,
        incomplete: traced.end.problem().or(overflow),
        machine: Machine {
            largest_folio_bytes: traced
                .evidence
                .largest_folio_pages
                .map(|pages| pages * trace::page_bytes() as u64),
            ..machine(disk, identity)
        },
        signals,
        calibration: traced.evidence.steps.clone(),
        losses,
        scenarios,
        claims: Vec::new(),
        predictions: Vec::new(),
    }
}

fn machine(disk: &Disk, identity: &Identity) -> Machine {
    let name = nix::sys::utsname::uname().ok();
    let text = |field: fn(&nix::sys::utsname::UtsName) -> &std::ffi::OsStr| {
        name.as_ref().map_or(String::new(), |name| {
            field(name).to_string_lossy().into_owned()
        })
    };
    Machine {
        kernel: text(|name| name.release()),
        arch: text(|name| name.machine()),
        page_size: trace::page_bytes() as u64,
        cpus: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
        file_system: disk.file_system.clone(),
        block_device: disk.device.map(|_| disk.device_name.clone()),
        readahead_bytes: disk.readahead_bytes(),
        fault_around_bytes: None,
        largest_folio_bytes: None,
        user: identity.name.clone(),
        instrument: Instrument::Ebpf,
    }
}

fn signals(traced: &Traced, scenarios: &[ScenarioRecord]) -> Vec<SignalRecord> {
    traced
        .won
        .iter()
        .map(|won| {
            let key = won.plan.signal.key();
            let lost: u64 = scenarios
                .iter()
                .filter_map(|scenario| scenario.counts.get(key))
                .map(|count| count.lost)
                .sum();
            let finding = traced.evidence.findings.get(&won.plan.signal);
            let wrong = finding.and_then(|finding| finding.refuted.clone());
            let verified_by = finding.map_or(&[][..], |finding| &finding.verified_by);
            let state = match (won.way, lost) {
                (None, _) => SignalState::Unavailable,
                (Some(_), _) if wrong.is_some() => SignalState::Refuted,
                (Some(_), 0) if verified_by.is_empty() => SignalState::Attached,
                (Some(_), 0) => SignalState::Verified,
                (Some(_), _) => SignalState::Lost,
            };
            let refused: Vec<_> = won
                .refused
                .iter()
                .map(|(way, reason)| format!("{way}: {reason}"))
                .collect();
            SignalRecord {
                name: key.to_owned(),
                state,
                grade: won.way.map(|way| grade(way, finding)),
                way: won.way.map(|way| way.name.to_owned()),
                meaning: won.way.map(|way| way.meaning.to_owned()),
                lost,
                verified_by: verified_by.iter().map(|step| (*step).to_owned()).collect(),
                unverified: finding.and_then(|finding| finding.unverified.clone()),
                unwitnessed: finding.and_then(|finding| finding.unwitnessed.clone()),
                reason: wrong
                    .or_else(|| won.reason())
                    .or_else(|| (!refused.is_empty()).then(|| refused.join("; "))),
            }
        })
        .collect()
}

/// Whether the kernel programs log.
pub(super) fn kernel_log(wanted: bool) -> KernelLog {
    if wanted {
        KernelLog::On
    } else {
        KernelLog::Off
    }
}
