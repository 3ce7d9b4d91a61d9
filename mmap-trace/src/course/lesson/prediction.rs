//! A question that is asked before the run, and the sentences that answer whoever was wrong. The
//! right answer stands nowhere: it is computed from the run.

use serde::Deserialize;

use super::validate::{Problems, require_name, require_text};
use crate::course::{
    expression::times,
    expression::{
        names::Quantity,
        tree::{Expectation, ExpressionError, Side},
    },
};

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
    /// Where names without a scenario are looked up.
    pub scenario: String,
    /// What must be true for it to be answered at all.
    pub needs: Vec<Expectation>,
    /// Said when the answer was right.
    pub right: String,
    /// What can be answered.
    pub kind: Kind,
}

/// What can be answered.
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
    /// What is typed for it.
    pub letter: char,
    /// What it says.
    pub text: String,
    /// It is right if all of these hold.
    pub when: Vec<Expectation>,
    /// Said when it was chosen, and another one is right.
    pub wrong: String,
}

/// A number that the run gives.
#[derive(Clone, Debug)]
pub struct Number {
    /// The right one.
    pub answer: Side,
    /// Of what.
    pub unit: String,
    /// How far from it an answer still is right.
    pub within_percent: u32,
    /// How it can be wrong; the first that fits is said.
    pub wrong: Vec<Wrong>,
}

/// A way to be wrong.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// When it fits.
    pub miss: Miss,
    /// What is said then.
    pub says: String,
}

/// When a wrong number is wrong in this way.
#[derive(Clone, Debug)]
pub enum Miss {
    /// It is the value of something else: a known misconception.
    Equals(Side),
    /// It is too small, by this factor or more.
    TooSmall(u32),
    /// It is too big, by this factor or more.
    TooBig(u32),
}

/// `[[prediction]]` as it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPrediction {
    id: String,
    question: String,
    section: String,
    scenario: String,
    #[serde(default)]
    needs: Vec<String>,
    right: String,
    #[serde(default)]
    option: Vec<RawChoice>,
    number: Option<RawNumber>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChoice {
    text: String,
    when: OneOrSeveral,
    wrong: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrSeveral {
    One(String),
    Several(Vec<String>),
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
    pub(super) fn read(self, problems: &mut Problems) -> Option<Prediction> {
        let place = format!("prediction {}", self.id);
        require_name(&self.id, &format!("{place}, id"), problems);
        for (field, text) in [
            ("question", &self.question),
            ("section", &self.section),
            ("right", &self.right),
        ] {
            require_text(text, &format!("{place}, {field}"), problems);
        }
        let needs = self
            .needs
            .iter()
            .filter_map(|text| expectation(text, &format!("{place}, needs"), problems))
            .collect();
        let kind = match (self.option.is_empty(), self.number) {
            (false, None) => Kind::Choice(choices(self.option, &place, problems)),
            (true, Some(raw)) => Kind::Number(raw.read(&place, problems)?),
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

fn choices(raw: Vec<RawChoice>, place: &str, problems: &mut Problems) -> Vec<Choice> {
    if !(2..=LETTERS.len()).contains(&raw.len()) {
        let most = LETTERS.len();
        problems.add(place, format!("it needs two to {most} options"));
    }
    let mut choices = Vec::new();
    for (letter, raw) in LETTERS.into_iter().zip(raw) {
        let place = format!("{place}, option {letter}");
        require_text(&raw.text, &format!("{place}, text"), problems);
        require_text(&raw.wrong, &format!("{place}, wrong"), problems);
        let texts = match raw.when {
            OneOrSeveral::One(text) => vec![text],
            OneOrSeveral::Several(texts) => texts,
        };
        let place = format!("{place}, when");
        let when: Vec<Expectation> = texts
            .iter()
            .filter_map(|text| condition(text, &place, problems))
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
    fn read(self, place: &str, problems: &mut Problems) -> Option<Number> {
        require_text(&self.unit, &format!("{place}, unit"), problems);
        let mut wrong = Vec::new();
        for (number, raw) in self.wrong.into_iter().enumerate() {
            let place = format!("{place}, wrong {}", number + 1);
            wrong.extend(raw.read(&place, problems));
        }
        let covers = |all: fn(&Miss) -> bool| wrong.iter().any(|wrong| all(&wrong.miss));
        if !covers(|miss| matches!(miss, Miss::TooSmall(1)))
            || !covers(|miss| matches!(miss, Miss::TooBig(1)))
        {
            let problem = "it needs a too-small and a too-big without a factor, \
                           so that every wrong answer gets a sentence";
            problems.add(place, problem);
        }
        let answer = side(&self.answer, &format!("{place}, answer"), problems)?;
        Some(Number {
            answer,
            unit: self.unit,
            within_percent: self.within_percent,
            wrong,
        })
    }
}

impl RawWrong {
    fn read(self, place: &str, problems: &mut Problems) -> Option<Wrong> {
        require_text(&self.says, &format!("{place}, says"), problems);
        let factor = self.factor.unwrap_or(1);
        let miss = match (self.equals, self.is) {
            (Some(text), None) if self.factor.is_none() => {
                Miss::Equals(side(&text, &format!("{place}, equals"), problems)?)
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
fn condition(text: &str, place: &str, problems: &mut Problems) -> Option<Expectation> {
    let read = noted(Expectation::parse(text), place, problems)?;
    if times::names_a_time(&read)
        && let Some(problem) = times::problem(&read)
    {
        problems.add(place, problem);
    }
    Some(read)
}

fn expectation(text: &str, place: &str, problems: &mut Problems) -> Option<Expectation> {
    let read = noted(Expectation::parse(text), place, problems)?;
    if times::names_a_time(&read) {
        problems.add(place, "only what a timed claim expects can name cpu_us");
    }
    Some(read)
}

fn side(text: &str, place: &str, problems: &mut Problems) -> Option<Side> {
    let read = noted(Side::parse(text), place, problems)?;
    let names = read.names();
    if names.iter().any(|name| name.quantity == Quantity::CpuTime) {
        problems.add(place, "only what a timed claim expects can name cpu_us");
    }
    Some(read)
}

fn noted<T>(read: Result<T, ExpressionError>, place: &str, problems: &mut Problems) -> Option<T> {
    read.inspect_err(|error| problems.add(place, error)).ok()
}

impl Prediction {
    /// Every scenario that it names.
    pub(super) fn scenarios(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.needs.iter().flat_map(Expectation::names).collect();
        match &self.kind {
            Kind::Choice(options) => {
                let conditions = options.iter().flat_map(|option| &option.when);
                names.extend(conditions.flat_map(Expectation::names));
            }
            Kind::Number(number) => {
                names.extend(number.answer.names());
                for wrong in &number.wrong {
                    if let Miss::Equals(side) = &wrong.miss {
                        names.extend(side.names());
                    }
                }
            }
        }
        let others = names
            .into_iter()
            .filter_map(|name| name.scenario.as_deref());
        std::iter::once(&*self.scenario).chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::course::{
        lesson::file::LessonFile,
        samples::{LESSON, PREDICTIONS},
    };

    /// A part of the questions, what it becomes, and what the error then says.
    const MISFITS: [(&str, &str, &str); 9] = [
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
    fn a_question_that_could_not_be_answered_is_refused() {
        for (old, new, problem) in MISFITS {
            let changed = PREDICTIONS.replacen(old, new, 1);
            assert_ne!(changed, PREDICTIONS, "{old}");
            let error = LessonFile::parse(&format!("{LESSON}{changed}")).unwrap_err();
            assert!(error.to_string().contains(problem), "{new}: {error}");
        }
    }
}
