//! Answers that people give before a run: one as it was typed (`answer`), or a file of them (`file`).

mod answer;
pub mod file;

use serde::Serialize;

/// An answer to one question, and when it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Id of the question.
    pub id: String,
    /// What was answered.
    pub answer: Answer,
    /// The time, RFC 3339, UTC.
    pub at: String,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// The letter of an option.
    Letter(char),
    /// A number, in the question's unit.
    Number(i128),
}
