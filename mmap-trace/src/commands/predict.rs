//! What somebody thinks a run will show: for `run`, and by `mmap-trace predict` ahead of it.

use std::{
    fs,
    io::{self, IsTerminal as _},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, Result, anyhow, bail};

use super::ask;
use super::{Failure, output};
use crate::{
    cli::{PredictArgs, RunArgs},
    count::session::clock,
    course::{
        answers::{self, Given},
        catalog,
        lesson::file::LessonFile,
    },
};

/// Asks, and keeps or prints the answers.
pub(super) fn run(args: &PredictArgs) -> Result<ExitCode, Failure> {
    let lesson = catalog::find(&args.lesson)?;
    let file = LessonFile::parse(&lesson.toml)
        .with_context(|| format!("lesson.toml of {}", args.lesson))?;
    let given = match &args.predict {
        Some(path) => from(path, &file)?,
        None if is_on_a_terminal() => on_the_terminal(&file)?,
        None => {
            let problem = "predict asks on a terminal, and this is none; \
                           write a file for run --predict instead";
            return Err(anyhow!(problem).into());
        }
    };
    let text = answers::file::write(&given)?;
    match &args.output {
        None => output::print(&text)?,
        Some(path) => fs::write(path, text)
            .with_context(|| format!("cannot write the answers to {}", path.display()))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The answers for a run: from the file that was given, else from whoever sits there.
pub(super) fn before(args: &RunArgs, file: &LessonFile) -> Result<Vec<Given>> {
    if let Some(path) = &args.predict.predict {
        return from(path, file);
    }
    // One scenario answers no question, and an empty run none either.
    let is_whole = args.only.is_none() && !args.empty;
    if args.predict.no_predict || !is_whole || !is_on_a_terminal() {
        return Ok(Vec::new());
    }
    on_the_terminal(file)
}

fn from(path: &Path, file: &LessonFile) -> Result<Vec<Given>> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("read({shown})"))?;
    if file.predictions.is_empty() {
        bail!("{} asks nothing; run it without --predict", file.lesson.id);
    }
    answers::file::read(&text, path, &file.predictions, &clock::now())
}

/// Who answers must see the question, and it must not end in a file.
fn is_on_a_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
}

fn on_the_terminal(file: &LessonFile) -> Result<Vec<Given>> {
    let (mut input, mut output) = (io::stdin().lock(), io::stderr().lock());
    ask::ask(&file.predictions, &mut input, &mut output, clock::now)
        .context("asking on the terminal")
}
