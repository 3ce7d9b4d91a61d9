//! Reads an answer as a person typed it.

use super::Answer;
use crate::{
    course::lesson::prediction::{BYTES, Choice, Kind, Prediction},
    text::size,
};

impl Prediction {
    /// Reads an answer; the error says what is allowed.
    pub fn read(&self, text: &str) -> Result<Answer, String> {
        match &self.kind {
            Kind::Choice(options) => match option(options, text) {
                Some(option) => Ok(Answer::Letter(option.letter)),
                None => Err(self.allowed()),
            },
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
                let options: Vec<String> = options
                    .iter()
                    .map(|option| format!("{}) {}", option.letter, option.text))
                    .collect();
                format!(
                    "the letter of one option, or the beginning of its text: {}",
                    options.join("; ")
                )
            }
            Kind::Number(number) if number.unit == BYTES => {
                "a number of bytes, for example 4096 or 4M".to_owned()
            }
            Kind::Number(number) => format!("a number of {}, for example 1000", number.unit),
        }
    }
}

/// The option with this letter, with this text, or the only one whose text begins so. A letter comes first,
/// because it is what the terminal shows beside each option.
fn option<'a>(options: &'a [Choice], typed: &str) -> Option<&'a Choice> {
    let typed = plain(typed);
    let begins = |option: &&Choice| plain(&option.text).starts_with(&typed);
    let mut beginning = options.iter().filter(begins);
    let only = match (beginning.next(), beginning.next()) {
        (Some(option), None) if !typed.is_empty() => Some(option),
        _ => None,
    };
    let is_letter = |option: &&Choice| {
        let letter = typed.strip_suffix(')').unwrap_or(&typed);
        letter.chars().eq([option.letter])
    };
    options
        .iter()
        .find(is_letter)
        .or_else(|| options.iter().find(|it| plain(&it.text) == typed))
        .or(only)
}

/// A text without what people do not type: capitals, code marks and repeated spaces.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('`', "").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::{
        catalog,
        lesson::file::LessonFile,
        samples::{LESSON, PREDICTIONS},
    };

    /// A question with these options.
    fn question(options: &[&str]) -> Prediction {
        let file = LessonFile::parse(&format!("{LESSON}{PREDICTIONS}")).unwrap();
        let mut question = file.predictions.into_iter().last().unwrap();
        let Kind::Choice(choices) = &mut question.kind else {
            panic!("the last question of the sample has options");
        };
        let sample = choices[0].clone();
        let letters = 'a'..='e';
        *choices = letters
            .zip(options)
            .map(|(letter, text)| Choice {
                letter,
                text: (*text).to_owned(),
                ..sample.clone()
            })
            .collect();
        question
    }

    #[test]
    fn an_option_is_its_letter_its_text_or_the_only_one_that_begins_so() {
        let question = question(&["all of it", "`read`", "none", "none  of them", "both"]);
        for (typed, letter) in [
            ("a", 'a'),
            (" C)\n", 'c'),
            ("all", 'a'),
            ("ALL  OF it", 'a'),
            ("read", 'b'),
            ("`Re", 'b'),
            // The whole text of one option, and the beginning of another.
            ("none", 'c'),
            ("none of", 'd'),
            // The letter of one option, and the beginning of another.
            ("b", 'b'),
            ("bo", 'e'),
        ] {
            assert_eq!(question.read(typed), Ok(Answer::Letter(letter)), "{typed}");
        }
    }

    #[test]
    fn what_fits_no_option_or_several_is_refused_with_all_options() {
        let question = question(&["one page", "one for each page", "something in between"]);
        for typed in [
            "one",
            "o",
            "on",
            "in between",
            "one page!",
            "z",
            "ab",
            ")",
            " ",
        ] {
            assert_eq!(
                question.read(typed).unwrap_err(),
                "the letter of one option, or the beginning of its text: a) one page; \
                 b) one for each page; c) something in between",
                "{typed}"
            );
        }
    }

    #[test]
    fn every_option_of_the_course_can_be_chosen_by_its_letter_and_its_text() {
        let files = catalog::all().unwrap();
        for question in files.iter().flat_map(|file| &file.predictions) {
            let Kind::Choice(options) = &question.kind else {
                continue;
            };
            for option in options {
                let chosen = Ok(Answer::Letter(option.letter));
                assert_eq!(question.read(&option.letter.to_string()), chosen);
                assert_eq!(question.read(&option.text), chosen, "{}", option.text);
            }
        }
    }
}
