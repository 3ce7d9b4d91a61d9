//! Answers in a file: TOML or JSON, from id to answer, or to answer and time as the tracer keeps them.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use super::{Answer, Given};
use crate::{course::lesson::prediction::Prediction, text::nearest::did_you_mean};

#[derive(Deserialize)]
#[serde(untagged)]
enum AnswerEntry {
    Number(u64),
    Text(String),
    Kept { answer: Plain, at: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Plain {
    Number(u64),
    Text(String),
}

#[derive(Serialize)]
struct Kept<'a> {
    answer: String,
    at: &'a str,
}

/// Reads the answers in `text` to `predictions`; `now` is the time of those that have none.
pub fn read(text: &str, path: &Path, predictions: &[Prediction], now: &str) -> Result<Vec<Given>> {
    let shown = path.display();
    let entries: BTreeMap<String, AnswerEntry> = if text.trim_start().starts_with('{') {
        serde_json::from_str(text)
            .with_context(|| format!("{shown} is not JSON of the form {{\"id\": answer}}"))?
    } else {
        toml::from_str(text)
            .with_context(|| format!("{shown} is not TOML of the form id = answer"))?
    };
    let mut given = Vec::new();
    for (id, entry) in entries {
        let Some(prediction) = predictions.iter().find(|known| known.id == id) else {
            let known: Vec<&str> = predictions.iter().map(|known| &*known.id).collect();
            bail!(
                "{shown}: this lesson asks nothing called {id}{}; it asks {}",
                did_you_mean(&id, known.iter().copied()),
                known.join(", ")
            );
        };
        let (text, at) = match entry {
            AnswerEntry::Number(number) => (number.to_string(), now.to_owned()),
            AnswerEntry::Text(text) => (text, now.to_owned()),
            AnswerEntry::Kept { answer, at } => match answer {
                Plain::Number(number) => (number.to_string(), at),
                Plain::Text(text) => (text, at),
            },
        };
        let answer = prediction
            .read(&text)
            .map_err(|allowed| anyhow!("{shown}: {id} is {text:?}; it takes {allowed}"))?;
        given.push(Given { id, answer, at });
    }
    Ok(given)
}

/// Answers as a file that [`read`] reads, with their times.
pub fn write(given: &[Given]) -> Result<String> {
    let kept: BTreeMap<&str, Kept<'_>> = given
        .iter()
        .map(|given| {
            let answer = match given.answer {
                Answer::Letter(letter) => letter.to_string(),
                Answer::Number(number) => number.to_string(),
            };
            (
                &*given.id,
                Kept {
                    answer,
                    at: &given.at,
                },
            )
        })
        .collect();
    toml::to_string(&kept).context("answers as TOML")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::{
        lesson::file::LessonFile,
        samples::{LESSON, PREDICTIONS},
    };

    fn taken(text: &str) -> Result<Vec<Given>, String> {
        let file = LessonFile::parse(&format!("{LESSON}{PREDICTIONS}")).unwrap();
        read(text, Path::new("my.toml"), &file.predictions, "now")
            .map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn toml_and_json_say_the_same_and_are_kept_with_their_times() {
        let toml = taken("calls = 7\nbytes = \"4KiB\"\ncopies = \"b\"\n").unwrap();
        let json = taken(r#"{"calls": 7, "bytes": 4096, "copies": "All of"}"#).unwrap();
        assert_eq!(toml, json);
        assert_eq!(toml.len(), 3);
        assert!(toml.iter().all(|given| given.at == "now"));
        let mut kept = toml;
        kept[0].at = "2026-11-23T08:00:00Z".to_owned();
        assert_eq!(taken(&write(&kept).unwrap()).unwrap(), kept);
    }

    #[test]
    fn errors_name_the_file_the_question_and_what_is_allowed() {
        for (text, wanted) in [
            (
                "copys = \"a\"",
                "asks nothing called copys; did you mean copies?; it asks calls, bytes, copies",
            ),
            (
                "copies = \"c\"",
                "copies is \"c\"; it takes the letter of one option, or the beginning of its text: a) nothing; \
                 b) all of it",
            ),
            (
                "calls = \"many\"",
                "calls is \"many\"; it takes a number of calls",
            ),
            ("calls = -1", "is not TOML of the form id = answer"),
            ("{\"calls\": [1]}", "is not JSON of the form"),
        ] {
            let error = taken(text).unwrap_err();
            assert!(
                error.contains("my.toml") && error.contains(wanted),
                "{error}"
            );
        }
    }
}
