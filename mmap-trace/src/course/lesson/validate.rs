//! Whether the parts of a `lesson.toml` fit together. Everything that is wrong is told at once.

use std::{collections::BTreeSet, fmt};

use mmap_trace_ebpf::session::NAME_BYTES;

use super::{
    claim::Claim,
    file::{Difference, LessonFile, NoteVerdict},
};
use crate::metrics::Metric;

/// Scenario that every lesson has.
const NULL: &str = "null";

/// Everything that is wrong with a file.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    pub(super) fn add(&mut self, place: &str, problem: impl fmt::Display) {
        self.0.push(format!("{place}: {problem}"));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("\n"))
    }
}

/// A name goes into file names and terminals as it is.
pub(super) fn require_name(name: &str, place: &str, problems: &mut Problems) {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !is_plain {
        problems.add(
            place,
            format!("{name:?} is no name: a letter, then letters, digits, - and _"),
        );
    }
}

pub(super) fn require_text(text: &str, place: &str, problems: &mut Problems) {
    if text.trim().is_empty() {
        problems.add(place, "it is empty");
    }
}

/// Checks what no single entry can know.
pub(super) fn file(file: &LessonFile, problems: &mut Problems) {
    require_name(&file.lesson.id, "lesson, id", problems);
    require_text(&file.lesson.title, "lesson, title", problems);
    require_text(&file.lesson.question, "lesson, question", problems);
    match crate::text::size::parse(&file.lesson.size) {
        Ok(0) => problems.add("lesson, size", "a lesson needs at least one byte"),
        Ok(_) => {}
        Err(problem) => problems.add("lesson, size", problem),
    }
    scenarios(file, problems);
    let mut known: Vec<&str> = file
        .scenarios
        .iter()
        .map(|entry| entry.name.as_str())
        .collect();
    known.push(NULL);
    for table in &file.tables {
        let place = format!("table {:?}, scenarios", table.title);
        require_scenarios(&table.scenarios, &known, &place, problems);
    }
    for chart in &file.charts {
        let place = format!("chart {:?}", chart.title);
        let of_value = chart.value.names().into_iter();
        let named = of_value.filter_map(|name| name.scenario.as_deref());
        for scenario in chart.scenarios().chain(named) {
            require_scenario(scenario, &known, &place, problems);
        }
    }
    for entry in &file.claims {
        claim(entry, &known, problems);
    }
    require_unique(
        file.claims.iter().map(|entry| entry.id.clone()),
        "claim",
        problems,
    );
    for prediction in &file.predictions {
        let place = format!("prediction {}", prediction.id);
        for scenario in prediction.scenarios() {
            require_scenario(scenario, &known, &place, problems);
        }
    }
    require_unique(
        file.predictions.iter().map(|entry| entry.id.clone()),
        "prediction",
        problems,
    );
    for difference in &file.differences {
        self::difference(difference, &known, problems);
    }
    notes(file, problems);
}

fn difference(difference: &Difference, known: &[&str], problems: &mut Problems) {
    let place = format!("difference {:?}", difference.because);
    require_text(&difference.because, &format!("{place}, because"), problems);
    require_text(&difference.section, &format!("{place}, section"), problems);
    for scenario in &difference.scenarios {
        require_scenario(scenario, known, &place, problems);
    }
    for count in &difference.counts {
        if Metric::by_key(count).is_none() {
            problems.add(&place, format!("there is no count {count}"));
        }
    }
}

fn scenarios(file: &LessonFile, problems: &mut Problems) {
    for scenario in &file.scenarios {
        let place = format!("scenario {}", scenario.name);
        require_name(&scenario.name, &place, problems);
        require_text(&scenario.about, &format!("{place}, about"), problems);
        if scenario.name.len() > NAME_BYTES {
            problems.add(
                &place,
                format!("its name is longer than {NAME_BYTES} bytes"),
            );
        }
    }
    require_unique(
        file.scenarios.iter().map(|entry| entry.name.clone()),
        "scenario",
        problems,
    );
}

fn claim(claim: &Claim, known: &[&str], problems: &mut Problems) {
    for (number, check) in claim.checks.iter().enumerate() {
        let place = format!("claim {}, check {}", claim.id, number + 1);
        require_scenarios(
            &check.scenarios,
            known,
            &format!("{place}, scenarios"),
            problems,
        );
        let fields = [
            ("expect", std::slice::from_ref(&check.expect)),
            ("needs", &check.needs),
        ];
        for (field, expectations) in fields {
            for name in expectations
                .iter()
                .flat_map(|expectation| expectation.names())
            {
                let Some(scenario) = &name.scenario else {
                    continue;
                };
                require_scenario(scenario, known, &format!("{place}, {field}"), problems);
            }
        }
    }
}

fn notes(file: &LessonFile, problems: &mut Problems) {
    for note in &file.notes {
        let place = format!("note {}", note.claim);
        require_text(&note.says, &format!("{place}, says"), problems);
        let has_right = note
            .right
            .as_deref()
            .is_some_and(|right| !right.trim().is_empty());
        if note.verdict != NoteVerdict::True && !has_right {
            problems.add(
                &place,
                "its verdict is not true, so it needs the right sentence",
            );
        }
    }
    require_unique(
        file.notes.iter().map(|note| note.claim.to_string()),
        "note",
        problems,
    );
}

fn require_scenarios(names: &[String], known: &[&str], place: &str, problems: &mut Problems) {
    if names.is_empty() {
        problems.add(place, "there is none");
    }
    for name in names {
        require_scenario(name, known, place, problems);
    }
    require_unique(names.iter().cloned(), &format!("{place}:"), problems);
}

fn require_scenario(name: &str, known: &[&str], place: &str, problems: &mut Problems) {
    if known.contains(&name) {
        return;
    }
    let nearest = known
        .iter()
        .min_by_key(|known| strsim::damerau_levenshtein(known, name));
    let hint = nearest.map_or(String::new(), |nearest| {
        format!("; did you mean {nearest}?")
    });
    problems.add(place, format!("no scenario {name}{hint}"));
}

fn require_unique(names: impl IntoIterator<Item = String>, what: &str, problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.clone()) {
            problems.add(&format!("{what} {name}"), "there are two");
        }
    }
}
