//! Everything that is wrong with a `lesson.toml`, collected so that one reading reports all of it.

use std::{collections::BTreeSet, fmt};

use crate::course::expression::scope::Scope;

/// Problems, each with its place.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    pub(super) fn add(&mut self, place: &str, problem: impl fmt::Display) {
        self.0.push(format!("{place}: {problem}"));
    }

    /// The value of `result`; its error becomes a problem.
    pub(super) fn value<T>(
        &mut self,
        place: &str,
        result: Result<T, impl fmt::Display>,
    ) -> Option<T> {
        result.map_err(|problem| self.add(place, problem)).ok()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// A name goes into file names and terminals as it is.
    pub(super) fn require_name(&mut self, name: &str, place: &str) {
        let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !is_plain {
            let rule = "a name is a letter, then letters, digits, - and _";
            self.add(place, format!("{name:?} is not a name: {rule}"));
        }
    }

    pub(super) fn require_text(&mut self, text: &str, place: &str) {
        if text.trim().is_empty() {
            self.add(place, "it is empty");
        }
    }

    pub(super) fn require_unique<'a>(
        &mut self,
        names: impl IntoIterator<Item = &'a str>,
        what: &str,
    ) {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(name) {
                self.add(&format!("{what} {name}"), "there are two");
            }
        }
    }

    /// Scenarios that the lesson has, each once.
    pub(super) fn require_scenarios(&mut self, names: &[String], scope: &Scope, place: &str) {
        if names.is_empty() {
            self.add(place, "there is none");
        }
        for name in names {
            self.value(place, scope.require_scenario(name));
        }
        self.require_unique(names.iter().map(String::as_str), &format!("{place}:"));
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("\n"))
    }
}
