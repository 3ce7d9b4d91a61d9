//! Reads an answer as a person typed it.

use super::Answer;
use crate::{
    course::lesson::prediction::{BYTES, Kind, Prediction},
    text::size,
};

impl Prediction {
    /// Reads an answer; the error says what is allowed.
    pub fn read(&self, text: &str) -> Result<Answer, String> {
        match &self.kind {
            Kind::Choice(options) => {
                let mut letters = text.trim().chars();
                let typed = letters.next().map(|letter| letter.to_ascii_lowercase());
                let known = options.iter().find(|option| Some(option.letter) == typed);
                match (known, letters.next()) {
                    (Some(option), None) => Ok(Answer::Letter(option.letter)),
                    _ => Err(self.allowed()),
                }
            }
            Kind::Number(number) => {
                let plain: String = text
                    .chars()
                    .filter(|letter| !matches!(letter, ',' | '_') && !letter.is_whitespace())
                    .collect();
                let read = if number.unit == BYTES {
                    size::parse(&plain).ok()
                } else {
                    plain.parse().ok()
                };
                read.map(|number| Answer::Number(number.into()))
                    .ok_or_else(|| self.allowed())
            }
        }
    }

    /// What may be answered.
    #[must_use]
    pub fn allowed(&self) -> String {
        match &self.kind {
            Kind::Choice(options) => {
                let letters: Vec<String> = options
                    .iter()
                    .map(|option| option.letter.to_string())
                    .collect();
                format!("one of the letters {}", letters.join(", "))
            }
            Kind::Number(number) if number.unit == BYTES => {
                "a number of bytes, for example 4096 or 4M".to_owned()
            }
            Kind::Number(number) => format!("a number of {}, for example 1000", number.unit),
        }
    }
}
