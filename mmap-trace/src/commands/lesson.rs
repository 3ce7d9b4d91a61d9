//! Finds a lesson, runs it, and judges what was counted.

use std::{fs::File, os::fd::OwnedFd, path::PathBuf};

use anyhow::{Context as _, Result, bail};

use super::{output::Output, play::Player};
use crate::{
    cli::{CommonArgs, RunArgs},
    count::{
        assemble::{self, RunDescription, Traceable},
        attach::choose::parse_forced,
        session::{identity::Identity, privileges, signals, wait::End},
    },
    course::{
        answers::Given,
        catalog,
        judge::{claims, predictions},
        lesson::file::LessonFile,
    },
    record::{Instrument, Recording},
};

/// What counts: eBPF, or the accounts that need no privileges. Fails if eBPF is wanted without root.
pub(super) fn instrument(args: &RunArgs) -> Result<Instrument> {
    if args.privileges.unprivileged {
        return Ok(Instrument::Unprivileged);
    }
    privileges::require_root()?;
    Ok(Instrument::Ebpf)
}

/// Opens the output file, before anything runs.
pub(super) fn output(args: &RunArgs) -> Result<Option<Output>> {
    args.common.output.as_deref().map(Output::open).transpose()
}

/// Opens the file of the page, before anything runs.
pub(super) fn page_file(common: &CommonArgs) -> Result<Option<Output>> {
    common.html.as_deref().map(Output::open).transpose()
}

/// A lesson's file, its text and its binary.
pub(super) struct PlayableLesson {
    pub file: LessonFile,
    pub markdown: String,
    binary: OwnedFd,
}

impl PlayableLesson {
    /// Finds a lesson by any of its names.
    pub(super) fn find(name: &str) -> Result<PlayableLesson> {
        let lesson = catalog::find(name)?;
        let file = LessonFile::parse(&lesson.toml)
            .with_context(|| format!("cannot read lesson.toml of {name}"))?;
        let binary = binary(&lesson.directories, &file.lesson.id)?;
        Ok(PlayableLesson {
            file,
            markdown: lesson.text,
            binary,
        })
    }
}

/// A judged run.
pub(super) struct Recorded {
    pub recording: Recording,
    pub end: End,
}

/// Plays a lesson and judges its claims and the user's predictions. From here on, signals are held except
/// while the tracer waits.
pub(super) fn record(
    args: &RunArgs,
    lesson: &PlayableLesson,
    given: &[Given],
    instrument: Instrument,
) -> Result<Recorded> {
    if let Some(only) = &args.only {
        lesson
            .file
            .require_scenario(only)
            .map_err(anyhow::Error::msg)?;
    }
    signals::hold()?;
    let identity = Identity::for_lesson()?;
    let played = Player {
        args,
        file: &lesson.file,
        binary: &lesson.binary,
        identity: &identity,
        instrument,
        forced: parse_forced(&args.common.force_probe)?,
    }
    .play()?;
    let counted = assemble::recording(
        &played.traced,
        RunDescription {
            program: Traceable::Lesson {
                id: lesson.file.lesson.id.clone(),
                size_bytes: played.size_bytes,
            },
            started_at: played.started_at,
            disk: &played.disk,
            user: &identity.name,
            instrument,
            fault_around_bytes: played.fault_around_bytes,
        },
    );
    Ok(Recorded {
        recording: Recording {
            claims: claims::judge(&lesson.file, &counted),
            predictions: predictions::evaluate(&lesson.file.predictions, given, &counted),
            ..counted
        },
        end: played.traced.end,
    })
}

fn binary(directories: &[PathBuf], id: &str) -> Result<OwnedFd> {
    for directory in directories {
        let path = directory.join(id);
        if let Ok(binary) = File::open(&path) {
            return Ok(binary.into());
        }
    }
    let shown: Vec<_> = directories
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    bail!(
        "cannot open the program of {id} in {}; build it with: cargo build --release --package lessons",
        shown.join(" or ")
    )
}
