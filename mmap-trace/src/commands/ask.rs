//! Asks the questions of a lesson on a terminal.

use std::io::{self, BufRead, Write};

use crate::course::answers::Given;
use crate::{
    course::lesson::prediction::{Kind, Prediction},
    render::text::{WIDTH, wrap},
};

/// Columns before the second and later lines of a question.
const INDENT: usize = 3;

/// Asks one question after another. Enter skips a question, and the end of `input` (Ctrl-D) the rest.
pub(super) fn ask(
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
        "Predict before it runs (Enter skips a question, Ctrl-D the rest)\n"
    )?;
    for (number, prediction) in predictions.iter().enumerate() {
        pose(number + 1, prediction, output)?;
        let Some(line) = answer(prediction, input, output)? else {
            writeln!(output, "\n")?;
            break;
        };
        // `answer` returns valid lines and empty ones, and an empty line is a skipped question.
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

/// Reads until a line is empty or a valid answer; `None` at the end of the input.
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
        if line.trim().is_empty() {
            return Ok(Some(line));
        }
        let Err(allowed) = prediction.read(&line) else {
            return Ok(Some(line));
        };
        writeln!(output, "   press Enter to skip, or give {allowed}")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::{
        answers::Answer,
        lesson::file::LessonFile,
        samples::{LESSON, PREDICTIONS},
    };

    /// The answers and the output when `typed` is typed.
    fn asked(typed: &str) -> (Vec<(String, Answer)>, String) {
        let file = LessonFile::parse(&format!("{LESSON}{PREDICTIONS}")).unwrap();
        let mut shown = Vec::new();
        let now = || "2026-11-23T08:00:00Z".to_owned();
        let given = ask(&file.predictions, &mut typed.as_bytes(), &mut shown, now).unwrap();
        let given = given.into_iter().map(|it| (it.id, it.answer)).collect();
        (given, String::from_utf8(shown).unwrap())
    }

    #[test]
    fn enter_skips_one_question_and_the_end_of_input_the_rest() {
        let calls = ("calls".to_owned(), Answer::Number(7));
        let copies = ("copies".to_owned(), Answer::Letter('b'));
        assert_eq!(asked("7\n\nb\n").0, [calls.clone(), copies]);
        assert_eq!(asked("7\n").0, [calls]);
        assert_eq!(asked("").0, []);
    }

    #[test]
    fn an_invalid_answer_is_asked_again_with_what_is_allowed() {
        let (given, shown) = asked("many\n7\n4 MB\n4 MiB\nc\nNo\n");
        assert_eq!(
            given,
            [
                ("calls".to_owned(), Answer::Number(7)),
                ("bytes".to_owned(), Answer::Number(4 << 20)),
                ("copies".to_owned(), Answer::Letter('a')),
            ]
        );
        for allowed in [
            "press Enter to skip, or give a number of calls, for example 1000\n",
            "press Enter to skip, or give a number of bytes, for example 4096 or 4M\n",
            "press Enter to skip, or give the letter of one option, or the beginning of its text: a) nothing; b) all \
             of it\n",
        ] {
            assert!(shown.contains(allowed), "{shown}");
        }
    }
}
