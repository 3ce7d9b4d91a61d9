//! `lessons/course.toml`: what the course asks of its own lessons, beyond what every lesson must be.

use std::ops::RangeInclusive;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    /// The parts of each text, in order.
    pub(super) parts: Vec<String>,
    words: (usize, usize),
    minutes: (usize, usize),
    questions: (usize, usize),
    /// How many claims the mmap notes make.
    pub(super) notes: u32,
    /// Larger numbers in a table are taken to be measured.
    pub(super) most_in_a_table: u64,
    /// Larger numbers in a picture are taken to be measured.
    pub(super) most_in_a_picture: u64,
    #[serde(rename = "lesson")]
    pub(super) lessons: Vec<Own>,
}

/// A lesson that the rules bind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Own {
    pub(super) id: String,
    /// The claims of the mmap notes that belong to it.
    pub(super) notes: Vec<u32>,
    #[serde(default)]
    pub(super) numbers: Vec<Exception>,
}

/// A number that was not measured, with the words around it; code between backticks is left out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exception {
    pub(super) words: String,
    pub(super) because: String,
}

impl Rules {
    pub(super) fn words(&self) -> RangeInclusive<usize> {
        self.words.0..=self.words.1
    }

    pub(super) fn minutes(&self) -> RangeInclusive<usize> {
        self.minutes.0..=self.minutes.1
    }

    pub(super) fn questions(&self) -> RangeInclusive<usize> {
        self.questions.0..=self.questions.1
    }

    /// The entry of a lesson that the rules bind; other lessons have none.
    pub(super) fn of(&self, id: &str) -> Option<&Own> {
        self.lessons.iter().find(|own| own.id == id)
    }
}
