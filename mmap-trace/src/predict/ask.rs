//! The questions on a terminal.

use std::io::{self, BufRead, Write};

use super::Given;
use crate::{
    checks::prediction::{Kind, Prediction},
    render::text::{WIDTH, wrap},
};

/// Columns in front of a question's further lines.
const INDENT: usize = 3;

/// Asks one question after another. Enter skips one, the end of `input` (Ctrl-D) the rest.
pub fn ask(
    predictions: &[Prediction],
    input: &mut impl BufRead,
    output: &mut impl Write,
    now: impl Fn() -> String,
) -> io::Result<Vec<Given>> {
    let mut given = Vec::new();
    if predictions.is_empty() {
        return Ok(given);
    }
    writeln!(
        output,
        "Predict before it runs (Enter skips one, Ctrl-D the rest)\n"
    )?;
    for (number, prediction) in predictions.iter().enumerate() {
        pose(number + 1, prediction, output)?;
        let Some(line) = answer(prediction, input, output)? else {
            writeln!(output, "\n")?;
            break;
        };
        // What can be read was checked, so nothing is left out but what was skipped.
        if let Ok(answer) = prediction.read(&line) {
            given.push(Given {
                id: prediction.id.clone(),
                answer,
                at: now(),
            });
        }
        writeln!(output)?;
    }
    Ok(given)
}

fn pose(number: usize, prediction: &Prediction, output: &mut impl Write) -> io::Result<()> {
    let room = WIDTH - INDENT;
    for (line, text) in wrap(&prediction.question, room, room).iter().enumerate() {
        let mark = if line == 0 {
            format!("{number}.")
        } else {
            String::new()
        };
        writeln!(output, "{mark:<INDENT$}{text}")?;
    }
    let Kind::Choice(options) = &prediction.kind else {
        return Ok(());
    };
    for option in options {
        let room = room - INDENT;
        for (line, text) in wrap(&option.text, room, room).iter().enumerate() {
            let mark = if line == 0 {
                format!("{})", option.letter)
            } else {
                String::new()
            };
            writeln!(output, "{:INDENT$}{mark:<INDENT$}{text}", "")?;
        }
    }
    Ok(())
}

/// A line that can be read, or an empty one; `None` at the end of the input.
fn answer(
    prediction: &Prediction,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> io::Result<Option<String>> {
    loop {
        match &prediction.kind {
            Kind::Choice(_) => write!(output, "   your answer: ")?,
            Kind::Number(number) => write!(output, "   your answer, in {}: ", number.unit)?,
        }
        output.flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line.trim().is_empty() || prediction.read(&line).is_ok() {
            return Ok(Some(line));
        }
        writeln!(output, "   it takes {}; or Enter", prediction.allowed())?;
    }
}
