//! Whether the parts of a `lesson.toml` fit together.

use mmap_trace_ebpf::session::NAME_BYTES;

use super::{
    file::{Difference, LessonFile, NoteVerdict},
    problems::Problems,
};
use crate::{
    course::expression::scope::Scope,
    metrics::Metric,
    text::{nearest::did_you_mean, size},
};

/// Checks what no single entry can know.
pub(super) fn file(file: &LessonFile, scope: &Scope, problems: &mut Problems) {
    problems.require_name(&file.lesson.id, "lesson, id");
    problems.require_text(&file.lesson.title, "lesson, title");
    problems.require_text(&file.lesson.question, "lesson, question");
    match size::parse(&file.lesson.size) {
        Ok(0) => problems.add("lesson, size", "a lesson needs at least one byte"),
        Ok(_) => {}
        Err(problem) => problems.add("lesson, size", problem),
    }
    scenarios(file, problems);
    for table in &file.tables {
        let place = format!("table {:?}, scenarios", table.title);
        problems.require_scenarios(&table.scenarios, scope, &place);
    }
    for chart in &file.charts {
        let place = format!("chart {:?}", chart.title);
        for scenario in chart.scenarios() {
            problems.value(&place, scope.require_scenario(scenario));
        }
    }
    problems.require_unique(file.claims.iter().map(|it| &*it.id), "claim");
    for prediction in &file.predictions {
        let place = format!("prediction {}", prediction.id);
        problems.value(&place, scope.require_scenario(&prediction.scenario));
    }
    problems.require_unique(file.predictions.iter().map(|it| &*it.id), "prediction");
    for difference in &file.differences {
        self::difference(difference, scope, problems);
    }
    notes(file, problems);
}

fn difference(difference: &Difference, scope: &Scope, problems: &mut Problems) {
    let place = format!("difference {:?}", difference.because);
    problems.require_text(&difference.because, &format!("{place}, because"));
    problems.require_text(&difference.section, &format!("{place}, section"));
    for scenario in &difference.scenarios {
        problems.value(&place, scope.require_scenario(scenario));
    }
    for count in &difference.counts {
        if Metric::by_key(count).is_none() {
            let hint = did_you_mean(count, Metric::ALL.iter().map(|metric| metric.key()));
            problems.add(&place, format!("there is no metric {count}{hint}"));
        }
    }
}

fn scenarios(file: &LessonFile, problems: &mut Problems) {
    for scenario in &file.scenarios {
        let place = format!("scenario {}", scenario.name);
        problems.require_name(&scenario.name, &place);
        problems.require_text(&scenario.about, &format!("{place}, about"));
        if scenario.name.len() > NAME_BYTES {
            let length = scenario.name.len();
            let problem = format!("its name has {length} bytes; {NAME_BYTES} is the limit");
            problems.add(&place, problem);
        }
    }
    problems.require_unique(file.scenarios.iter().map(|it| &*it.name), "scenario");
}

fn notes(file: &LessonFile, problems: &mut Problems) {
    let numbers: Vec<String> = file
        .notes
        .iter()
        .map(|note| note.claim.to_string())
        .collect();
    for note in &file.notes {
        let place = format!("note {}", note.claim);
        problems.require_text(&note.says, &format!("{place}, says"));
        let right = note.right.as_deref().unwrap_or_default();
        if note.verdict != NoteVerdict::True && right.trim().is_empty() {
            let problem = "its verdict is not true, so it needs the right sentence";
            problems.add(&place, problem);
        }
    }
    problems.require_unique(numbers.iter().map(String::as_str), "note");
}
