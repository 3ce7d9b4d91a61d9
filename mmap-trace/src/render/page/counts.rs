//! Tables and charts: numbers with a bar behind each, the share of the largest one of its line.

use askama::{Template, filters::HtmlSafe};

use super::terms::{self, Term};
use crate::{
    course::lesson::{
        chart::Chart,
        file::{LessonFile, Table},
    },
    record::{Recording, ScenarioRecord},
    render::{
        cell::{LOST, NOT_COUNTED, ROUNDS_DIFFER},
        chart::Drawn,
        rows::{self, Column, Line},
    },
};

/// A table or a chart with its explanations.
#[derive(Debug, Template)]
#[template(path = "figure.html")]
pub(super) struct Figure {
    pub(super) title: String,
    pub(super) anchor: String,
    headings: Vec<String>,
    groups: Vec<Vec<RowView>>,
    /// What a picture shows, in words.
    sentence: Option<String>,
    signs: Vec<String>,
    columns: Vec<Term>,
    rows: Vec<Term>,
}

#[derive(Debug)]
struct RowView {
    label: String,
    unit: String,
    is_part: bool,
    cells: Vec<CellView>,
}

#[derive(Debug)]
struct CellView {
    text: String,
    /// Length of its bar.
    percent: u64,
}

impl HtmlSafe for Figure {}

/// Where numbers come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) recording: &'a Recording,
    pub(super) file: Option<&'a LessonFile>,
}

impl<'a> Source<'a> {
    /// A table of the lesson; `None` if the run has none of its scenarios.
    pub(super) fn table(self, table: &Table, anchor: String) -> Option<Figure> {
        let scenarios = self.named(table.scenarios.iter().map(String::as_str));
        let columns: Vec<Column<'_>> = scenarios.iter().map(|it| Column::of_scenario(it)).collect();
        if columns.is_empty() {
            return None;
        }
        let chosen = table.rows.iter();
        let lines = chosen.flat_map(|name| rows::chosen(name, &columns));
        let groups = [lines.collect(), rows::durations(&columns)];
        let headings: Vec<&str> = columns.iter().map(|it| it.heading).collect();
        let mut figure = Figure::new(&table.title, anchor, &headings, &groups);
        figure.signs = signs(self.recording, &scenarios, &groups);
        figure.columns = terms::of_scenarios(self.file, headings);
        figure.rows = terms::of_rows(self.file, self.recording, &table.rows);
        Some(figure)
    }

    /// A chart of the lesson; `None` if the run has no value for it.
    pub(super) fn chart(self, chart: &Chart, anchor: String) -> Option<Figure> {
        let drawn = Drawn::of(chart, self.recording)?;
        let lines = drawn.lines.iter().map(|(label, cells)| Line {
            label: label.clone(),
            cells: cells.clone(),
        });
        let lines: Vec<Line> = lines.collect();
        let largest = lines
            .iter()
            .flat_map(|line| &line.cells)
            .filter_map(|it| number(it));
        let largest = largest.fold(0, u64::max);
        Some(Figure {
            title: chart.title.clone(),
            anchor,
            headings: chart.series.iter().map(|it| it.name.clone()).collect(),
            groups: vec![
                lines
                    .iter()
                    .map(|line| RowView::new(line, largest))
                    .collect(),
            ],
            sentence: drawn.sentence,
            signs: drawn.signs,
            columns: terms::of_scenarios(self.file, chart.scenarios()),
            rows: Vec::new(),
        })
    }

    fn named<'n>(self, names: impl Iterator<Item = &'n str>) -> Vec<&'a ScenarioRecord> {
        let all = &self.recording.scenarios;
        names
            .filter_map(|name| all.iter().find(|it| it.name == name))
            .collect()
    }
}

impl Figure {
    /// A table of these lines.
    pub(super) fn new(
        title: &str,
        anchor: String,
        headings: &[impl AsRef<str>],
        groups: &[Vec<Line>],
    ) -> Figure {
        let row = |line: &Line| {
            let numbers = line.cells.iter().filter_map(|cell| number(cell));
            RowView::new(line, numbers.fold(0, u64::max))
        };
        let groups = groups.iter().filter(|group| !group.is_empty());
        Figure {
            title: title.to_owned(),
            anchor,
            headings: headings.iter().map(|it| it.as_ref().to_owned()).collect(),
            groups: groups
                .map(|group| group.iter().map(row).collect())
                .collect(),
            sentence: None,
            signs: Vec::new(),
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }
}

impl RowView {
    fn new(line: &Line, largest: u64) -> RowView {
        let is_part = line.label.starts_with("  ");
        let label = line.label.trim();
        let (label, unit) = label.split_once(", ").unwrap_or((label, ""));
        let percent = |text: &str| {
            let share = u128::from(number(text)?) * 100 / u128::from(largest.max(1));
            Some(share as u64)
        };
        RowView {
            label: label.to_owned(),
            unit: unit.to_owned(),
            is_part,
            cells: line
                .cells
                .iter()
                .map(|text| CellView {
                    text: text.clone(),
                    percent: percent(text).unwrap_or(0),
                })
                .collect(),
        }
    }
}

/// The number that a cell shows, so that its bar cannot differ from it; of a decimal number, its whole part.
fn number(cell: &str) -> Option<u64> {
    let digits = cell.trim_start_matches([LOST, ROUNDS_DIFFER]);
    let whole = digits.split('.').next().unwrap_or_default();
    whole.replace(',', "").parse().ok()
}

/// Explains the signs of a table that has any.
fn signs(
    recording: &Recording,
    scenarios: &[&ScenarioRecord],
    groups: &[Vec<Line>],
) -> Vec<String> {
    let cells = || groups.iter().flatten().flat_map(|line| &line.cells);
    let mut signs = Vec::new();
    if cells().any(|cell| cell.starts_with(LOST)) {
        signs.push(format!("{LOST} something is missing from this number"));
    }
    if cells().any(|cell| cell.trim_start_matches(LOST).starts_with(ROUNDS_DIFFER)) {
        signs.push(format!("{ROUNDS_DIFFER} the median of rounds that differ"));
    }
    if cells().any(|cell| cell == NOT_COUNTED) {
        let reasons = scenarios.iter().flat_map(|it| it.counts.values());
        let mut reasons: Vec<&str> = reasons.filter_map(|it| it.reason.as_deref()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        let why = if reasons.is_empty() {
            String::new()
        } else {
            format!(": {}", reasons.join("; "))
        };
        signs.push(format!("{NOT_COUNTED} not counted{why}"));
    }
    let unfinished = scenarios
        .iter()
        .filter(|it| it.rounds == 0 && recording.command.is_none());
    let unfinished: Vec<&str> = unfinished.map(|it| it.name.as_str()).collect();
    if !unfinished.is_empty() {
        signs.push(format!("not finished: {}", unfinished.join(", ")));
    }
    signs
}
