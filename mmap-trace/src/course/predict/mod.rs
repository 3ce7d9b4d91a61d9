//! What people think a run will show, before it does: asked on a terminal, or read from a file.
//!
//! `answer` reads one answer, `answers_file` a file of them.

mod answer;
pub mod answers_file;

use serde::Serialize;

/// An answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Id of the question.
    pub id: String,
    /// What was answered.
    pub answer: Answer,
    /// When, RFC 3339, UTC.
    pub at: String,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// An option.
    Letter(char),
    /// A number, in the question's unit.
    Number(i128),
}
