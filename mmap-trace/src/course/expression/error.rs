//! What is wrong with an expression, and where.

use thiserror::Error;

/// Why a text is not an expression.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text:?}, column {column}: {problem}")]
pub struct ExpressionError {
    /// The whole text.
    pub text: String,
    /// Where it goes wrong, in characters from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: String,
}

impl ExpressionError {
    pub(super) fn new(text: &str, at: usize, problem: impl Into<String>) -> Self {
        ExpressionError {
            text: text.to_owned(),
            column: text[..at].chars().count() + 1,
            problem: problem.into(),
        }
    }
}
