//! A lesson, from its name to a judged recording.

use std::{fs::File, os::fd::OwnedFd, path::PathBuf};

use anyhow::{Context as _, Result, bail};

use super::{output::Output, play::Player};
use crate::{
    cli::RunArgs,
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
    text::nearest::did_you_mean,
};

/// With which rights it counts; an error if there are none.
pub(super) fn instrument(args: &RunArgs) -> Result<Instrument> {
    if args.privileges.unprivileged {
        return Ok(Instrument::Unprivileged);
    }
    privileges::require_root()?;
    Ok(Instrument::Ebpf)
}

/// Opened before anything runs.
pub(super) fn output(args: &RunArgs) -> Result<Option<Output>> {
    args.common.output.as_deref().map(Output::open).transpose()
}

/// A lesson's promises and its program.
pub(super) struct PlayableLesson {
    pub file: LessonFile,
    binary: OwnedFd,
}

impl PlayableLesson {
    /// By any of its names.
    pub(super) fn find(name: &str) -> Result<PlayableLesson> {
        let lesson = catalog::find(name)?;
        let file =
            LessonFile::parse(&lesson.toml).with_context(|| format!("lesson.toml of {name}"))?;
        let binary = binary(&lesson.directories, &file.lesson.id)?;
        Ok(PlayableLesson { file, binary })
    }
}

/// A run that was judged.
pub(super) struct Recorded {
    pub recording: Recording,
    pub end: End,
}

/// Plays a lesson and judges its claims and the predictions of the user. From here on, signals are held
/// until somebody waits.
pub(super) fn record(
    args: &RunArgs,
    lesson: &PlayableLesson,
    given: &[Given],
    instrument: Instrument,
) -> Result<Recorded> {
    check_only(&lesson.file, args.only.as_deref())?;
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

fn check_only(file: &LessonFile, only: Option<&str>) -> Result<()> {
    let Some(only) = only else { return Ok(()) };
    let names: Vec<&str> = file
        .scenarios
        .iter()
        .map(|scenario| scenario.name.as_str())
        .collect();
    if only == "null" || names.contains(&only) {
        return Ok(());
    }
    bail!(
        "{} has no scenario {only}{}; it has {}",
        file.lesson.id,
        did_you_mean(only, names.iter().copied()),
        names.join(", ")
    )
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
        "the binary {id} is not in {}; build it with: cargo build --release --package lessons",
        shown.join(" or ")
    )
}
