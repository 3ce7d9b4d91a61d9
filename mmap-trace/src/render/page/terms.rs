//! Explains the names of a table: its columns and its lines.

use crate::{
    course::{
        expression::names::{Name, Quantity},
        lesson::{
            claim::Check,
            file::{LessonFile, Table},
        },
    },
    metrics::Metric,
    record::Recording,
};

/// A word of a table, and what it means.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) name: String,
    /// The name in expectations and in JSON, if it is another one.
    pub(super) key: Option<String>,
    pub(super) about: String,
}

/// What scenarios do, and the others that these sentences refer to: "the same as read-4k".
pub(super) fn of_scenarios<'a>(
    file: Option<&'a LessonFile>,
    names: impl IntoIterator<Item = &'a str>,
) -> Vec<Term> {
    let known = file.map_or(&[][..], |file| &file.scenarios);
    let mut names: Vec<&str> = names.into_iter().collect();
    let mut terms: Vec<Term> = Vec::new();
    let mut place = 0;
    while let Some(name) = names.get(place).copied() {
        place += 1;
        let scenario = known.iter().find(|it| it.name == name);
        if let Some(scenario) = scenario.filter(|_| terms.iter().all(|it| it.name != name)) {
            names.extend(
                known
                    .iter()
                    .map(|it| &*it.name)
                    .filter(|it| refers(&scenario.about, it)),
            );
            terms.push(Term {
                name: name.to_owned(),
                key: None,
                about: scenario.about.clone(),
            });
        }
    }
    terms
}

/// Whether a sentence says "as NAME".
fn refers(about: &str, name: &str) -> bool {
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-');
    let mut parts = about.split("as ").skip(1);
    parts.any(|rest| rest.strip_prefix(name).is_some_and(is_end))
}

/// What the lines of a table count.
pub(super) fn of_rows(
    file: Option<&LessonFile>,
    recording: &Recording,
    names: &[Name],
) -> Vec<Term> {
    let mut terms: Vec<Term> = Vec::new();
    for name in names {
        let term = match &name.quantity {
            Quantity::Count { metric, .. } => of_metric(*metric, recording),
            Quantity::Observed { name, .. } => of_observation(name, file),
            Quantity::CpuTime => Some(Term {
                name: "CPU time".to_owned(),
                key: Some("cpu_us".to_owned()),
                about: "Median of the rounds, in user and kernel mode, from getrusage.".to_owned(),
            }),
            _ => None,
        };
        if let Some(term) = term.filter(|term| !terms.contains(term)) {
            terms.push(term);
        }
    }
    terms
}

/// Places of the claims that expect something of a line of the table in one of its scenarios.
pub(super) fn claims_about(file: &LessonFile, table: &Table) -> Vec<usize> {
    let is_line = |name: &Name| {
        let mut rows = table.rows.iter();
        rows.any(|row| subject(row).is_some() && subject(row) == subject(name))
    };
    let is_about = |check: &Check| {
        let mut scenarios = check.scenarios.iter();
        scenarios.any(|it| table.scenarios.contains(it))
            && check.expect.names().into_iter().any(is_line)
    };
    let claims = file.claims.iter().enumerate();
    let about = claims.filter(|(_, claim)| claim.checks.iter().any(is_about));
    about.map(|(place, _)| place).collect()
}

/// The key of a count or of an observation, whatever part or role of it is meant.
fn subject(name: &Name) -> Option<&str> {
    match &name.quantity {
        Quantity::Count { metric, .. } => Some(metric.key()),
        Quantity::Observed { name, .. } => Some(name),
        _ => None,
    }
}

/// What all metrics of a run count.
pub(super) fn of_metrics(recording: &Recording) -> Vec<Term> {
    let metrics = Metric::ALL.iter();
    metrics
        .filter_map(|metric| of_metric(*metric, recording))
        .collect()
}

/// What a metric counts, as the probe of this run says.
fn of_metric(metric: Metric, recording: &Recording) -> Option<Term> {
    let recorded = recording.metrics.iter().find(|it| it.name == metric.key());
    let about = recorded.and_then(|it| it.meaning.as_ref().or(it.reason.as_ref()))?;
    Some(Term {
        name: metric.label().to_owned(),
        key: Some(metric.key().to_owned()),
        about: about.clone(),
    })
}

fn of_observation(name: &str, file: Option<&LessonFile>) -> Option<Term> {
    let about = file?.observations.get(name)?;
    Some(Term {
        name: name.to_owned(),
        key: Some(format!("observed.{name}")),
        about: about.clone(),
    })
}
