//! `[[prediction]]`: a question that is asked before the run, with a sentence for each wrong answer.
//! The right answer is not in the file; it is computed from the run.

use serde::Deserialize;

use super::{problems::Problems, strings::Strings};
use crate::course::expression::{
    measure::{Dimension, Measure},
    names::Quantity,
    parser,
    scope::Scope,
    times,
    tree::{Expectation, Side},
};

const NO_TIME: &str = "only what a timed claim expects can name cpu_us";

/// The unit of answers that may have KiB, MiB or GiB.
pub const BYTES: &str = "bytes";

/// Letters of options, by order.
const LETTERS: [char; 5] = ['a', 'b', 'c', 'd', 'e'];

/// A question about a run that has not happened yet.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Its id, the key in files of `--predict`.
    pub id: String,
    /// As the lesson's text asks it.
    pub question: String,
    /// Heading in the lesson's text that explains it.
    pub section: String,
    /// The scenario of names that do not name one.
    pub scenario: String,
    /// What must be true for the run to answer it at all.
    pub needs: Vec<Expectation>,
    /// The reply to a right answer.
    pub right: String,
    /// Which answers are possible.
    pub kind: Kind,
}

/// Which answers are possible.
#[derive(Clone, Debug)]
pub enum Kind {
    /// One of these.
    Choice(Vec<Choice>),
    /// A number.
    Number(Number),
}

/// An option.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The letter to type for it.
    pub letter: char,
    /// What it says.
    pub text: String,
    /// It is right if all of these hold.
    pub when: Vec<Expectation>,
    /// The reply to someone who chose it wrongly.
    pub wrong: String,
}

/// A number that the run gives.
#[derive(Clone, Debug)]
pub struct Number {
    /// The right answer.
    pub answer: Side,
    /// What is counted, in the plural.
    pub unit: String,
    /// How far off a right answer may be.
    pub within_percent: u32,
    /// Ways to be wrong; the first that fits gives the reply.
    pub wrong: Vec<Wrong>,
}

/// A way to be wrong.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// When it fits.
    pub miss: Miss,
    /// The reply when it fits.
    pub says: String,
}

/// When a way to be wrong fits a number.
#[derive(Clone, Debug)]
pub enum Miss {
    /// It is the value of something else: a known misconception.
    Equals(Side),
    /// It is too small, by this factor or more.
    TooSmall(u32),
    /// It is too big, by this factor or more.
    TooBig(u32),
}

/// `[[prediction]]` as it is in the file, before its expressions are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPrediction {
    id: String,
    question: String,
    section: String,
    scenario: String,
    #[serde(default)]
    needs: Strings,
    right: String,
    #[serde(default)]
    option: Vec<RawChoice>,
    number: Option<RawNumber>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChoice {
    text: String,
    when: Strings,
    wrong: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNumber {
    answer: String,
    unit: String,
    #[serde(default)]
    within_percent: u32,
    #[serde(default)]
    wrong: Vec<RawWrong>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWrong {
    equals: Option<String>,
    is: Option<Direction>,
    factor: Option<u32>,
    says: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Direction {
    TooSmall,
    TooBig,
}

impl RawPrediction {
    /// Reads the expressions; whatever is wrong goes into `problems`.
    pub(super) fn read(self, scope: &Scope, problems: &mut Problems) -> Option<Prediction> {
        let place = format!("prediction {}", self.id);
        problems.require_name(&self.id, &format!("{place}, id"));
        for (field, text) in [
            ("question", &self.question),
            ("section", &self.section),
            ("right", &self.right),
        ] {
            problems.require_text(text, &format!("{place}, {field}"));
        }
        let needs = self
            .needs
            .0
            .iter()
            .filter_map(|text| need(text, scope, &format!("{place}, needs"), problems))
            .collect();
        let kind = match (self.option.is_empty(), self.number) {
            (false, None) => Kind::Choice(choices(self.option, scope, &place, problems)),
            (true, Some(raw)) => Kind::Number(raw.read(scope, &place, problems)?),
            _ => {
                problems.add(&place, "it needs either options or a number");
                return None;
            }
        };
        Some(Prediction {
            id: self.id,
            question: self.question,
            section: self.section,
            scenario: self.scenario,
            needs,
            right: self.right,
            kind,
        })
    }
}

fn choices(
    raw: Vec<RawChoice>,
    scope: &Scope,
    place: &str,
    problems: &mut Problems,
) -> Vec<Choice> {
    if !(2..=LETTERS.len()).contains(&raw.len()) {
        let most = LETTERS.len();
        problems.add(place, format!("it needs two to {most} options"));
    }
    let mut choices = Vec::new();
    for (letter, raw) in LETTERS.into_iter().zip(raw) {
        let place = format!("{place}, option {letter}");
        problems.require_text(&raw.text, &format!("{place}, text"));
        problems.require_text(&raw.wrong, &format!("{place}, wrong"));
        let Strings(texts) = raw.when;
        let place = format!("{place}, when");
        let when: Vec<Expectation> = texts
            .iter()
            .filter_map(|text| condition(text, scope, &place, problems))
            .collect();
        if texts.is_empty() {
            problems.add(&place, "there is none");
        }
        choices.push(Choice {
            letter,
            text: raw.text,
            when,
            wrong: raw.wrong,
        });
    }
    choices
}

impl RawNumber {
    fn read(self, scope: &Scope, place: &str, problems: &mut Problems) -> Option<Number> {
        problems.require_text(&self.unit, &format!("{place}, unit"));
        let mut wrong = Vec::new();
        for (number, raw) in self.wrong.into_iter().enumerate() {
            let place = format!("{place}, wrong {}", number + 1);
            wrong.extend(raw.read(scope, &place, problems));
        }
        let covers = |all: fn(&Miss) -> bool| wrong.iter().any(|wrong| all(&wrong.miss));
        if !covers(|miss| matches!(miss, Miss::TooSmall(1)))
            || !covers(|miss| matches!(miss, Miss::TooBig(1)))
        {
            let problem = "it needs a too-small and a too-big without a factor, \
                           so that every wrong answer gets a sentence";
            problems.add(place, problem);
        }
        let (answer, dimension) =
            value(&self.answer, scope, &format!("{place}, answer"), problems)?;
        let is_bytes = dimension == Some(Measure::Bytes.dimension());
        if is_bytes != (self.unit == BYTES) {
            let is = if is_bytes { "bytes" } else { "not bytes" };
            let problem = format!("the answer {} is {is}", answer.text);
            problems.add(&format!("{place}, unit {}", self.unit), problem);
        }
        Some(Number {
            answer,
            unit: self.unit,
            within_percent: self.within_percent,
            wrong,
        })
    }
}

impl RawWrong {
    fn read(self, scope: &Scope, place: &str, problems: &mut Problems) -> Option<Wrong> {
        problems.require_text(&self.says, &format!("{place}, says"));
        let factor = self.factor.unwrap_or(1);
        let miss = match (self.equals, self.is) {
            (Some(text), None) if self.factor.is_none() => {
                let (side, _) = value(&text, scope, &format!("{place}, equals"), problems)?;
                Miss::Equals(side)
            }
            (None, Some(Direction::TooSmall)) if factor > 0 => Miss::TooSmall(factor),
            (None, Some(Direction::TooBig)) if factor > 0 => Miss::TooBig(factor),
            _ => {
                problems.add(
                    place,
                    "it needs either equals, or is with a factor from 1 on",
                );
                return None;
            }
        };
        Some(Wrong {
            miss,
            says: self.says,
        })
    }
}

/// A comparison of numbers, or of times.
fn condition(
    text: &str,
    scope: &Scope,
    place: &str,
    problems: &mut Problems,
) -> Option<Expectation> {
    let read = problems.value(place, Expectation::parse(text, scope))?;
    if times::names_a_time(&read)
        && let Some(problem) = times::problem(&read)
    {
        problems.add(place, problem);
    }
    Some(read)
}

fn need(text: &str, scope: &Scope, place: &str, problems: &mut Problems) -> Option<Expectation> {
    let read = problems.value(place, Expectation::parse(text, scope))?;
    if times::names_a_time(&read) {
        problems.add(place, NO_TIME);
    }
    Some(read)
}

fn value(
    text: &str,
    scope: &Scope,
    place: &str,
    problems: &mut Problems,
) -> Option<(Side, Option<Dimension>)> {
    let (side, dimension) = problems.value(place, parser::expression(text, scope))?;
    let names = side.names();
    if names.iter().any(|name| name.quantity == Quantity::CpuTime) {
        problems.add(place, NO_TIME);
    }
    Some((side, dimension))
}

#[cfg(test)]
mod tests {
    use crate::course::{
        lesson::file::LessonFile,
        samples::{LESSON, PREDICTIONS},
    };

    /// A part of the questions, what it becomes, and what the error then says.
    const MISFITS: [(&str, &str, &str); 10] = [
        (
            "answer = \"syscalls\"",
            "answer = \"work.bytes\"",
            "unit calls: the answer work.bytes is bytes",
        ),
        (
            "id = \"bytes\"",
            "id = \"calls\"",
            "prediction calls: there are two",
        ),
        (
            "answer = \"syscalls\"",
            "answer = \"sycalls\"",
            "prediction calls, answer: ",
        ),
        (
            "answer = \"syscalls\"",
            "answer = \"cpu_us\"",
            "can name cpu_us",
        ),
        (
            "scenario = \"mmap-load\"",
            "scenario = \"mmap-lod\"",
            "did you mean mmap-load?",
        ),
        (
            "is = \"too-big\"\nsays = \"Too big.\"",
            "is = \"too-big\"\nfactor = 2\nsays = \"x\"",
            "every wrong answer",
        ),
        (
            "is = \"too-big\"\nsays = \"Too big.\"",
            "is = \"too-big\"\nfactor = 0\nsays = \"x\"",
            "a factor from 1 on",
        ),
        (
            "when = \"copied_to_user_bytes == 0\"",
            "when = []",
            "option a, when: there is none",
        ),
        (
            "when = \"copied_to_user_bytes == 0\"",
            "when = \"cpu_us == 0\"",
            "option a, when: ",
        ),
        (
            "wrong = \"Something was copied.\"",
            "wrong = \"\"",
            "option a, wrong: it is empty",
        ),
    ];

    #[test]
    fn a_question_that_no_answer_fits_is_refused() {
        for (old, new, problem) in MISFITS {
            let changed = PREDICTIONS.replacen(old, new, 1);
            assert_ne!(changed, PREDICTIONS, "{old}");
            let error = LessonFile::parse(&format!("{LESSON}{changed}")).unwrap_err();
            assert!(error.to_string().contains(problem), "{new}: {error}");
        }
    }
}
