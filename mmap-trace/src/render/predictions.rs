//! What was predicted, beside what the run gave.

use super::sheet::{Sheet, Tone};
use crate::record::{Outcome, PredictionRecord, Recording};

/// Where texts begin, behind mark and outcome.
const INDENT: usize = 16;

/// Writes them; nothing, if nobody predicted anything.
pub(super) fn write(sheet: &mut Sheet, recording: &Recording) {
    if recording.predictions.is_empty() {
        return;
    }
    sheet.blank();
    sheet.line(Tone::Strong, "What you predicted");
    for prediction in &recording.predictions {
        one(sheet, prediction);
    }
    if let Some(lesson) = &recording.lesson {
        let text = format!("The sections are those of: cargo xtask read {lesson}");
        sheet.paragraph(Tone::Faint, 0, &text);
    }
}

fn one(sheet: &mut Sheet, prediction: &PredictionRecord) {
    let (tone, mark) = match prediction.outcome {
        Outcome::Right => (Tone::Good, "+ right"),
        Outcome::Wrong => (Tone::Bad, "x not so"),
        Outcome::Unobservable => (Tone::Doubtful, "- unobservable"),
    };
    sheet.marked(tone, mark, INDENT, &prediction.question);
    let mut line = |text: String| sheet.paragraph(Tone::Plain, INDENT, &text);
    line(format!("you said:  {}", prediction.predicted));
    if let Some(answer) = &prediction.answer {
        line(format!("the run:   {answer}"));
    }
    if let Some(reason) = &prediction.reason {
        line(reason.clone());
    }
    if let Some(sentence) = &prediction.sentence {
        line(format!("{sentence} See \"{}\".", prediction.section));
    }
}
