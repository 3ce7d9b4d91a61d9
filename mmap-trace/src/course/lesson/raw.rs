//! The tables of `lesson.toml` as they are in the file, before anything is checked.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    chart::RawChart,
    claim::RawClaim,
    file::{Difference, Lesson, Note, Scenario, Table},
    observation::RawObservation,
    prediction::RawPrediction,
    problems::Problems,
};
use crate::course::expression::scope::Scope;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    pub(super) lesson: Lesson,
    #[serde(default)]
    pub(super) observations: BTreeMap<String, RawObservation>,
    #[serde(default, rename = "let")]
    pub(super) constants: BTreeMap<String, RawConstant>,
    #[serde(default)]
    pub(super) table: Vec<RawTable>,
    #[serde(default)]
    pub(super) chart: Vec<RawChart>,
    #[serde(default)]
    pub(super) scenario: Vec<Scenario>,
    #[serde(default)]
    pub(super) claim: Vec<RawClaim>,
    #[serde(default)]
    pub(super) prediction: Vec<RawPrediction>,
    #[serde(default)]
    pub(super) note: Vec<Note>,
    #[serde(default)]
    pub(super) difference: Vec<Difference>,
}

/// An entry of `[let]`.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a constant is a number or an expression")]
pub(super) enum RawConstant {
    Number(i64),
    Expression(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTable {
    title: String,
    scenarios: Vec<String>,
    rows: Vec<String>,
    section: String,
}

impl RawTable {
    pub(super) fn read(self, scope: &Scope, problems: &mut Problems) -> Table {
        let place = format!("table {:?}, section", self.title);
        problems.require_text(&self.section, &place);
        let place = format!("table {:?}, rows", self.title);
        let mut rows = Vec::new();
        for text in &self.rows {
            match scope.name(text) {
                Ok(name) if name.scenario.is_none() && name.quantity.is_of_scenario() => {
                    rows.push(name);
                }
                Ok(_) => problems.add(&place, format!("{text} is not of the column's scenario")),
                Err(problem) => problems.add(&place, problem),
            }
        }
        Table {
            title: self.title,
            scenarios: self.scenarios,
            rows,
            section: self.section,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::course::fields::{FIELDS, Field, Presence};

    /// A file that has `fields` of `table`, and all that is required of the tables around it.
    fn around(table: &str, fields: &[&Field]) -> String {
        let lines = |fields: &[&Field]| -> String {
            let lines = fields
                .iter()
                .map(|it| format!("{} = {}\n", it.key, it.example));
            lines.collect()
        };
        let path = table.trim_matches(['[', ']']);
        let mut text = String::new();
        for (at, _) in path.match_indices('.') {
            let inner = path[at + 1..].split('.').next();
            let outer = FIELDS
                .iter()
                .filter(|it| it.table.trim_matches(['[', ']']) == &path[..at]);
            let outer: Vec<&Field> = outer
                .filter(|it| it.presence == Presence::Required && Some(it.key) != inner)
                .collect();
            if let Some(first) = outer.first() {
                text = format!("{text}{}\n{}", first.table, lines(&outer));
            }
        }
        if table != "[lesson]" {
            let lesson: Vec<&Field> = FIELDS.iter().filter(|it| it.table == "[lesson]").collect();
            text = format!("[lesson]\n{}{text}", lines(&lesson));
        }
        format!("{text}{table}\n{}", lines(fields))
    }

    #[test]
    fn the_table_of_fields_is_what_the_reader_accepts() {
        let tables: BTreeSet<&str> = FIELDS.iter().map(|field| field.table).collect();
        for table in tables {
            let fields: Vec<&Field> = FIELDS.iter().filter(|it| it.table == table).collect();
            let read = |text: &str| toml::from_str::<RawFile>(text).map_err(|it| it.to_string());
            let whole = around(table, &fields);
            read(&whole).unwrap_or_else(|error| panic!("{error}"));
            if fields[0].key == "NAME" {
                continue;
            }
            let error = read(&format!("{whole}no_such_field = 1\n")).unwrap_err();
            let (_, known) = error.split_once("expected ").unwrap();
            let known: BTreeSet<&str> = known.split('`').skip(1).step_by(2).collect();
            let listed: BTreeSet<&str> = fields.iter().map(|field| field.key).collect();
            assert_eq!(listed, known, "{table}");
            for left_out in &fields {
                let others: Vec<&Field> = fields
                    .iter()
                    .copied()
                    .filter(|it| it.key != left_out.key)
                    .collect();
                let is_read = read(&around(table, &others)).is_ok();
                let can_be = left_out.presence == Presence::Optional;
                assert_eq!(is_read, can_be, "{table} without {}", left_out.key);
            }
        }
    }
}
