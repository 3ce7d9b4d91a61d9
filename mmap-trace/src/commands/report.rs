//! `mmap-trace report`: draws saved recordings.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::{
    Failure,
    output::{self, Output},
};
use crate::{
    cli::{Format, ReportArgs, When},
    course::{
        catalog,
        compare::{self, Comparison},
        judge::claims,
        lesson::file::LessonFile,
    },
    record::{FORMAT_VERSION, Recording, Recordings},
    render::{self, Style},
    weave::LessonText,
};

pub(super) fn run(args: &ReportArgs, color: When) -> Result<ExitCode, Failure> {
    let recordings = read_all(&args.recordings)?;
    if let Some(path) = &args.html {
        let page = page(&recordings, args.compare)?;
        Output::open(path)?.write_text(&page)?;
        return Ok(ExitCode::SUCCESS);
    }
    let style = output::style(color, &io::stdout());
    let text = if args.compare {
        compare(&recordings, args.format, style)?
    } else {
        match (args.format, &recordings[..]) {
            (Format::Json, [recording]) => render::json::render(recording)?,
            (Format::Json, _) => render::json::render(&Recordings { recordings })?,
            (Format::Csv, _) => render::csv::recordings(&recordings)?,
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
    // A Recording may come from anywhere: what it names is looked up, never opened.
    let lesson = catalog::embedded(recording.lesson.as_deref()?)?;
    LessonFile::parse(lesson.toml).ok()
}

/// Judges the counts again, if the lesson is known: a verdict that only the file says is not shown.
fn judged(recording: Recording) -> Recording {
    match file_of(&recording) {
        Some(file) => Recording {
            claims: claims::judge(&file, &recording),
            ..recording
        },
        None => recording,
    }
}

fn page(recordings: &[Recording], compare: bool) -> Result<String> {
    if compare {
        let page = render::page::comparison(&compared(recordings)?);
        return page.context("cannot draw the page");
    }
    let [recording] = recordings else {
        bail!(
            "a page shows one recording, and these are {}; give one, or add --compare",
            recordings.len()
        );
    };
    let file = file_of(recording);
    let lesson = recording.lesson.as_deref().and_then(catalog::embedded);
    let text = file.as_ref().map(|file| LessonText {
        file,
        markdown: lesson.map_or("", |lesson| lesson.text),
    });
    output::page(text, recording)
}

fn compared(recordings: &[Recording]) -> Result<Comparison> {
    let file = recordings.first().and_then(file_of);
    compare::compare(recordings, file.as_ref()).map_err(|reason| anyhow!(reason))
}

fn compare(recordings: &[Recording], format: Format, style: Style) -> Result<String> {
    let comparison = compared(recordings)?;
    Ok(match format {
        Format::Json => render::json::render(&comparison)?,
        Format::Csv => render::csv::comparison(&comparison)?,
        Format::Table => render::compare::render(&comparison, style),
    })
}

/// Reads recordings from files; a file of `run all` has several.
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
                "{shown} has format version {}, but this mmap-trace reads version {FORMAT_VERSION}; record it again",
                version.map_or("none".to_owned(), |version| version.to_string())
            );
            let recording: Recording = serde_json::from_value(value)
                .with_context(|| format!("{shown} is not a complete recording"))?;
            Ok(judged(recording))
        })
        .collect()
}
