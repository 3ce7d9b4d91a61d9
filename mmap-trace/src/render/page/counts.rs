//! Tables and charts: numbers with a bar behind each, the share of the largest one of its line.

use askama::{Template, filters::HtmlSafe};

use super::{
    claim, signs,
    terms::{self, Term},
    words::words,
};
use crate::{
    course::{
        expression::names::{Name, Quantity},
        judge,
        lesson::{
            chart::Chart,
            file::{LessonFile, Table},
        },
    },
    record::{Recording, ScenarioRecord},
    render::{
        cell::{self, LOST, ROUNDS_DIFFER},
        chart::{self, Smaller},
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
    pub(super) signs: Vec<String>,
    columns: Vec<Term>,
    pub(super) rows: Vec<Term>,
    /// Anchors and sentences of the claims about these numbers.
    claims: Vec<(String, String)>,
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
        figure.signs = signs::explain(&scenarios, &groups);
        figure.columns = terms::of_scenarios(self.file, headings);
        figure.rows = terms::of_rows(self.file, self.recording, &table.rows);
        figure.claims = self.file.map_or(Vec::new(), |file| {
            let about = terms::claims_about(file, table).into_iter();
            about
                .map(|place| (claim::anchor(place), file.claims[place].sentence.clone()))
                .collect()
        });
        Some(figure)
    }

    /// A chart of the lesson; `None` if the run has no value for it.
    pub(super) fn chart(self, chart: &Chart, anchor: String) -> Option<Figure> {
        let values = judge::chart::values(chart, self.recording);
        values.iter().flatten().find(|value| value.is_ok())?;
        let rows = chart::rows(chart, &values);
        let lines = chart.labels.iter().zip(&rows).map(|(label, row)| {
            let is_close = chart::smaller(row) == Some(Smaller::Neither);
            let sign = if is_close { chart::TOO_CLOSE } else { "" };
            let cells = row.iter();
            Line {
                label: label.clone(),
                cells: cells
                    .map(|value| format!("{}{sign}", chart::text(value)))
                    .collect(),
            }
        });
        let lines: Vec<Line> = lines.collect();
        Some(Figure {
            title: chart.title.clone(),
            anchor,
            headings: chart.series.iter().map(|it| it.name.clone()).collect(),
            groups: vec![lines.iter().map(RowView::new).collect()],
            sentence: chart::in_words(chart, &rows),
            signs: chart::signs(&rows),
            columns: terms::of_scenarios(self.file, chart.scenarios()),
            rows: Vec::new(),
            claims: Vec::new(),
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
        let groups = groups.iter().filter(|group| !group.is_empty());
        Figure {
            title: title.to_owned(),
            anchor,
            headings: headings.iter().map(|it| it.as_ref().to_owned()).collect(),
            groups: groups
                .map(|group| group.iter().map(RowView::new).collect())
                .collect(),
            sentence: None,
            signs: Vec::new(),
            columns: Vec::new(),
            rows: Vec::new(),
            claims: Vec::new(),
        }
    }
}

/// The work of each scenario and how long it took, as far as it tells.
pub(super) fn work(columns: &[Column<'_>]) -> Vec<Line> {
    let quantities = [
        Quantity::WorkBytes,
        Quantity::WorkPages,
        Quantity::WorkOperations,
        Quantity::Rounds,
        Quantity::CpuTime,
    ];
    let lines = quantities.map(|quantity| {
        let scenario = None;
        rows::chosen(&Name { scenario, quantity }, columns)
    });
    let is_told = |line: &Line| line.cells.iter().any(|cell| number(cell) > Some(0));
    let mut lines: Vec<Line> = lines.into_iter().flatten().filter(is_told).collect();
    let times = columns.iter().map(|column| {
        let time = column.scenario.map(|it| it.elapsed_ns.median);
        time.map_or(String::new(), cell::milliseconds)
    });
    lines.push(Line {
        label: "elapsed, ms".to_owned(),
        cells: times.collect(),
    });
    lines
}

impl RowView {
    fn new(line: &Line) -> RowView {
        let numbers: Vec<u64> = line.cells.iter().filter_map(|cell| number(cell)).collect();
        let largest = numbers.iter().copied().max().unwrap_or(0);
        let is_compared = line.cells.len() > 1;
        let is_part = line.label.starts_with("  ");
        let label = line.label.trim();
        let (label, unit) = label.split_once(", ").unwrap_or((label, ""));
        let percent = |text: &str| {
            let share = u128::from(number(text)?) * 100 / u128::from(largest.max(1));
            is_compared.then_some(share as u64)
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
    let digits = digits.trim_end_matches(chart::TOO_CLOSE);
    let whole = digits.split('.').next().unwrap_or_default();
    whole.replace(',', "").parse().ok()
}
