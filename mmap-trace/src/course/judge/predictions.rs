//! Evaluates predictions by the run: right, wrong in a known way, or unobservable.

use super::{
    evaluate::{self, Truth},
    lookup::Place,
    timed,
};
use crate::course::{
    expression::times,
    expression::value::{Unobservable, Value},
    lesson::prediction::{Choice, Kind, Miss, Number, Prediction},
};
use crate::{
    course::answers::{Answer, Given},
    metrics::Grade,
    record::{PredictionRecord, PredictionResult, Recording},
};

/// The right answer, and whether the prediction was wrong.
struct Met {
    answer: String,
    /// The lesson's reply to it; `None` if it was right.
    wrong: Option<String>,
}

/// Evaluates the answers by the run, in the order of the lesson's file.
#[must_use]
pub fn evaluate(
    predictions: &[Prediction],
    given: &[Given],
    recording: &Recording,
) -> Vec<PredictionRecord> {
    predictions
        .iter()
        .filter_map(|prediction| {
            let given = given.iter().find(|given| given.id == prediction.id)?;
            Some(one(prediction, given, recording))
        })
        .collect()
}

fn one(prediction: &Prediction, given: &Given, recording: &Recording) -> PredictionRecord {
    let place = Place {
        recording,
        scenario: &prediction.scenario,
        least: Grade::Sampled,
    };
    let met = prediction
        .needs
        .iter()
        .try_for_each(|need| evaluate::require(need, &place))
        .and_then(|()| match (&prediction.kind, given.answer) {
            (Kind::Choice(options), Answer::Letter(letter)) => choice(options, letter, &place),
            (Kind::Number(number), Answer::Number(said)) => self::number(number, said, &place),
            _ => Err(Unobservable(
                "the answer is not of the kind that the question asks for".to_owned(),
            )),
        });
    let mut record = PredictionRecord {
        id: prediction.id.clone(),
        question: prediction.question.clone(),
        section: prediction.section.clone(),
        predicted: prediction.shown(given.answer),
        predicted_at: given.at.clone(),
        result: PredictionResult::Unobservable,
        answer: None,
        sentence: None,
        reason: None,
    };
    match met {
        Err(Unobservable(reason)) => record.reason = Some(reason),
        Ok(met) => {
            record.result = match met.wrong {
                None => PredictionResult::Right,
                Some(_) => PredictionResult::Wrong,
            };
            record.answer = Some(met.answer);
            record.sentence = Some(met.wrong.unwrap_or_else(|| prediction.right.clone()));
        }
    }
    record
}

fn choice(options: &[Choice], letter: char, place: &Place<'_>) -> Result<Met, Unobservable> {
    let mut holding = Vec::new();
    let mut untold = None;
    for option in options {
        match describes(option, place) {
            Truth::Holds => holding.push(option),
            Truth::Fails => {}
            Truth::Unobservable(reason) => untold = untold.or(Some(reason)),
        }
    }
    let right = match (&holding[..], untold) {
        ([right], _) => *right,
        (_, Some(reason)) => return Err(reason),
        ([], None) => {
            return Err(Unobservable(
                "none of the options describes this run".into(),
            ));
        }
        (several, None) => {
            let letters: Vec<String> = several.iter().map(|it| it.letter.to_string()).collect();
            let reason = format!("options {} all describe this run", letters.join(" and "));
            return Err(Unobservable(reason));
        }
    };
    let chosen = options.iter().find(|option| option.letter == letter);
    Ok(Met {
        answer: right.shown(),
        wrong: chosen
            .filter(|chosen| chosen.letter != right.letter)
            .map(|chosen| chosen.wrong.clone()),
    })
}

/// One condition that fails decides; without one, an unobservable condition does.
fn describes(option: &Choice, place: &Place<'_>) -> Truth {
    let mut truth = Truth::Holds;
    for condition in &option.when {
        let decide = if times::names_a_time(condition) {
            timed::answer
        } else {
            evaluate::answer
        };
        match decide(condition, place).map(|answer| answer.truth) {
            Ok(Truth::Holds) => {}
            Ok(Truth::Fails) => return Truth::Fails,
            Ok(Truth::Unobservable(reason)) | Err(reason) => truth = Truth::Unobservable(reason),
        }
    }
    truth
}

fn number(number: &Number, said: i128, place: &Place<'_>) -> Result<Met, Unobservable> {
    let right = evaluate::value(&number.answer.node, place)?;
    Ok(Met {
        answer: counted(right, number),
        wrong: miss(number, said, right, place).map(str::to_owned),
    })
}

/// A number with its unit: `1 call`, `2 calls`.
fn counted(value: Value, number: &Number) -> String {
    let unit = &*number.unit;
    let is_one = (value.min, value.median, value.max) == (1, 1, 1);
    match unit.strip_suffix("ies") {
        Some(stem) if is_one => format!("{value} {stem}y"),
        _ if is_one => format!("{value} {}", unit.strip_suffix('s').unwrap_or(unit)),
        _ => format!("{value} {unit}"),
    }
}

/// The sentence for how `said` misses; `None` if it does not.
fn miss<'a>(number: &'a Number, said: i128, right: Value, place: &Place<'_>) -> Option<&'a str> {
    let percent = i128::from(number.within_percent);
    let scaled = |bound: i128, percent: i128| bound.saturating_mul(percent);
    let is_low = said.saturating_mul(100) < scaled(right.min, 100 - percent);
    let is_high = said.saturating_mul(100) > scaled(right.max, 100 + percent);
    if !is_low && !is_high {
        return None;
    }
    let fits = |miss: &Miss| match miss {
        // A value that is unobservable here cannot be a misconception.
        Miss::Equals(side) => {
            evaluate::value(&side.node, place).is_ok_and(|value| value.median == said)
        }
        Miss::TooSmall(factor) => is_low && said.saturating_mul((*factor).into()) <= right.median,
        Miss::TooBig(factor) => is_high && said >= right.median.saturating_mul((*factor).into()),
    };
    let wrong = number.wrong.iter().find(|wrong| fits(&wrong.miss));
    wrong.map(|wrong| &*wrong.says)
}

impl Choice {
    fn shown(&self) -> String {
        format!("{}) {}", self.letter, self.text)
    }
}

impl Prediction {
    /// An answer as people read it.
    fn shown(&self, answer: Answer) -> String {
        match (&self.kind, answer) {
            (Kind::Number(number), Answer::Number(said)) => counted(Value::constant(said), number),
            (Kind::Choice(options), Answer::Letter(letter)) => options
                .iter()
                .find(|option| option.letter == letter)
                .map_or_else(|| letter.to_string(), Choice::shown),
            (_, Answer::Number(said)) => said.to_string(),
            (_, Answer::Letter(letter)) => letter.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::{
        lesson::file::LessonFile,
        samples::{self, LESSON, PREDICTIONS, count, recording},
    };

    /// Evaluates one answer to one question of the small lesson.
    fn met(id: &str, text: &str, recording: &Recording) -> PredictionRecord {
        let file = LessonFile::parse(&format!("{LESSON}{PREDICTIONS}")).unwrap();
        let predictions = &file.predictions;
        let asked = predictions.iter().find(|asked| asked.id == id).unwrap();
        let given = Given {
            id: id.to_owned(),
            answer: asked.read(text).unwrap(),
            at: "2026-11-23T08:00:00Z".to_owned(),
        };
        evaluate(predictions, &[given], recording).remove(0)
    }

    #[test]
    fn the_sentence_follows_from_how_a_number_is_wrong() {
        // The small lesson reads 67,108,864 bytes in 16,384 calls.
        for (said, outcome, sentence) in [
            ("16384", PredictionResult::Right, "Right."),
            (
                "67,108,864",
                PredictionResult::Wrong,
                "Those are the bytes.",
            ),
            ("1", PredictionResult::Wrong, "Far too small."),
            ("1638", PredictionResult::Wrong, "Far too small."),
            ("1639", PredictionResult::Wrong, "Too small."),
            ("16383", PredictionResult::Wrong, "Too small."),
            ("16385", PredictionResult::Wrong, "Too big."),
            ("67108865", PredictionResult::Wrong, "Too big."),
        ] {
            let met = met("calls", said, &recording());
            assert_eq!(met.result, outcome, "{said}");
            assert_eq!(met.sentence.as_deref(), Some(sentence), "{said}");
            assert_eq!(met.answer.as_deref(), Some("16,384 calls"));
        }
    }

    #[test]
    fn an_answer_within_the_tolerance_is_right() {
        for (said, outcome) in [
            ("60397977", PredictionResult::Wrong),
            ("60397978", PredictionResult::Right),
            ("73819750", PredictionResult::Right),
            ("73819751", PredictionResult::Wrong),
            ("64MiB", PredictionResult::Right),
        ] {
            assert_eq!(met("bytes", said, &recording()).result, outcome, "{said}");
        }
    }

    #[test]
    fn the_right_option_comes_from_the_run() {
        let mut recording = recording();
        let before = met("copies", "b", &recording);
        assert_eq!(before.result, PredictionResult::Wrong);
        assert_eq!(before.predicted, "b) all of it");
        assert_eq!(before.answer.as_deref(), Some("a) nothing"));
        assert_eq!(before.sentence.as_deref(), Some("A load copies nothing."));
        let copied = 1 << 26;
        count(&mut recording, "mmap-load", "copied_to_user_bytes").value = Some(copied);
        assert_eq!(
            met("copies", "B", &recording).result,
            PredictionResult::Right
        );
        let sentence = met("copies", "a", &recording).sentence;
        assert_eq!(sentence.as_deref(), Some("Something was copied."));
    }

    #[test]
    fn a_prediction_that_the_run_cannot_decide_is_unobservable() {
        let mut lost = recording();
        samples::scenario(&mut lost, "mmap-load").rounds = 0;
        let mut between = recording();
        count(&mut between, "mmap-load", "copied_to_user_bytes").value = Some(1);
        for (recording, reason) in [
            (lost, "the scenario mmap-load was not finished"),
            (between, "none of the options describes this run"),
        ] {
            let met = met("copies", "a", &recording);
            assert_eq!(met.result, PredictionResult::Unobservable);
            assert_eq!(met.reason.as_deref(), Some(reason));
            assert_eq!((met.answer, met.sentence), (None, None));
        }
    }

    #[test]
    fn one_of_a_unit_is_shown_in_the_singular() {
        let file = LessonFile::parse(&format!("{LESSON}{PREDICTIONS}")).unwrap();
        let shown = file.predictions[0].shown(Answer::Number(1));
        assert_eq!(shown, "1 call");
        assert_eq!(file.predictions[0].shown(Answer::Number(0)), "0 calls");
    }
}
