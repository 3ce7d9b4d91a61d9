//! Compares predictions with what the run gave.

use super::sheet::{Sheet, Tone};
use crate::record::{PredictionRecord, PredictionResult, Recording};

/// Column in which texts begin, after mark and result.
const INDENT: usize = 16;

/// Writes the predictions, if there are any.
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
        let text = format!("To read the sections, run: cargo xtask read {lesson}");
        sheet.paragraph(Tone::Faint, 0, &text);
    }
}

fn one(sheet: &mut Sheet, prediction: &PredictionRecord) {
    let (tone, mark) = match prediction.result {
        PredictionResult::Right => (Tone::Good, "+ right"),
        PredictionResult::Wrong => (Tone::Bad, "x not so"),
        PredictionResult::Unobservable => (Tone::Doubtful, "- unobservable"),
    };
    sheet.marked(tone, mark, INDENT, &prediction.question);
    let mut line = |text: String| sheet.paragraph(Tone::Plain, INDENT, &text);
    line(format!("you said: {}", prediction.predicted));
    if let Some(answer) = &prediction.answer {
        line(format!("the run: {answer}"));
    }
    if let Some(reason) = &prediction.reason {
        line(reason.clone());
    }
    if let Some(sentence) = &prediction.sentence {
        line(format!("{sentence} See \"{}\".", prediction.section));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{course::samples, render::Style};

    fn predicted(result: PredictionResult) -> PredictionRecord {
        let is_told = result != PredictionResult::Unobservable;
        PredictionRecord {
            id: "calls".to_owned(),
            question: "How many calls?".to_owned(),
            section: "Look".to_owned(),
            predicted: "7 calls".to_owned(),
            predicted_at: "2026-11-23T08:00:00Z".to_owned(),
            result,
            answer: is_told.then(|| "8 calls".to_owned()),
            sentence: is_told.then(|| "Almost.".to_owned()),
            reason: (!is_told).then(|| "it was not counted".to_owned()),
        }
    }

    #[test]
    fn a_prediction_is_shown_with_what_the_run_gave() {
        let mut recording = samples::recording();
        recording.predictions = vec![
            predicted(PredictionResult::Wrong),
            predicted(PredictionResult::Unobservable),
        ];
        let mut sheet = Sheet::new(Style::Plain);
        write(&mut sheet, &recording);
        assert_eq!(
            sheet.into_text(),
            "What you predicted
x not so        How many calls?
                you said: 7 calls
                the run: 8 calls
                Almost. See \"Look\".
- unobservable  How many calls?
                you said: 7 calls
                it was not counted
To read the sections, run: cargo xtask read lesson-3
"
        );
    }

    #[test]
    fn without_predictions_nothing_is_written() {
        let mut sheet = Sheet::new(Style::Plain);
        write(&mut sheet, &samples::recording());
        assert_eq!(sheet.into_text(), "");
    }
}
