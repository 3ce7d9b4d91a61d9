//! The tables of counts: first those that the lesson chooses, then the rest.

use super::{
    Detail, cell, grid,
    rows::{self, Column, Line, Parts},
    sheet::{Sheet, Tone},
};
use crate::{
    course::{
        expression::names::{Name, Quantity},
        lesson::{chart::Chart, file::LessonFile},
    },
    metrics::Metric,
    record::{Recording, ScenarioRecord},
};

/// The scenario with an empty body that every lesson has.
const NULL: &str = "null";
/// Observations wider than this and than every count, such as checksums and addresses, are listed below the
/// table.
const WIDE_CELL: usize = 10;

/// Writes every scenario of a Recording, at least once.
pub(super) fn write(
    sheet: &mut Sheet,
    recording: &Recording,
    file: Option<&LessonFile>,
    detail: Detail,
) {
    if recording.command.is_some() {
        for scenario in &recording.scenarios {
            command(sheet, scenario);
        }
        return;
    }
    let mut shown: Vec<&str> = Vec::new();
    for table in file.map(|file| file.tables.as_slice()).unwrap_or_default() {
        let columns: Vec<Column<'_>> = table
            .scenarios
            .iter()
            .filter_map(|name| recording.scenarios.iter().find(|entry| entry.name == *name))
            .map(Column::of_scenario)
            .collect();
        shown.extend(columns.iter().map(|column| column.heading));
        lesson_table(sheet, &table.title, &table.rows, &columns, detail);
    }
    if let (Some(file), Detail::Chosen) = (file, detail) {
        shown.extend(file.charts.iter().flat_map(Chart::scenarios));
    }
    let (null, others): (Vec<_>, Vec<_>) = recording
        .scenarios
        .iter()
        .filter(|scenario| !shown.contains(&scenario.name.as_str()))
        .partition(|scenario| scenario.name == NULL && !is_anything_counted(scenario));
    let title = if shown.is_empty() {
        "Scenarios"
    } else {
        "Other scenarios"
    };
    let columns: Vec<Column<'_>> = others.into_iter().map(Column::of_scenario).collect();
    lesson_table(sheet, title, &[], &columns, Detail::All);
    if !null.is_empty() {
        sheet.blank();
        sheet.paragraph(
            Tone::Plain,
            0,
            "The null scenario does nothing: every count of it is 0.",
        );
    }
    for scenario in &recording.scenarios {
        // A lesson's own tables already have the roles that matter.
        if detail == Detail::All || !shown.contains(&scenario.name.as_str()) {
            roles(sheet, scenario);
        }
    }
}

fn is_anything_counted(scenario: &ScenarioRecord) -> bool {
    scenario.counts.values().any(cell::is_something)
}

fn lesson_table(
    sheet: &mut Sheet,
    title: &str,
    chosen: &[Name],
    columns: &[Column<'_>],
    detail: Detail,
) {
    if columns.is_empty() {
        return;
    }
    let first: Vec<Line> = chosen
        .iter()
        .flat_map(|name| rows::chosen(name, columns))
        .collect();
    let times = rows::durations(columns);
    if detail == Detail::Chosen {
        print(sheet, title, columns, &[first, times]);
        return;
    }
    let rest = rows::rest(chosen, columns);
    let counted = first.iter().chain(&rest).chain(&times);
    let limit = counted.map(Line::width).max().unwrap_or(0).max(WIDE_CELL);
    let (narrow, wide): (Vec<Line>, Vec<Line>) = rows::observations(chosen, columns)
        .into_iter()
        .partition(|line| line.width() <= limit);
    print(sheet, title, columns, &[first, rest, narrow, times]);
    for line in wide {
        sheet.listed(Tone::Plain, &line.label, &beside(&line, columns));
    }
}

/// The cells of a line as one text.
fn beside(line: &Line, columns: &[Column<'_>]) -> String {
    if let [first, others @ ..] = line.cells.as_slice()
        && !others.is_empty()
        && others.iter().all(|cell| cell == first)
    {
        return format!("{first} in each");
    }
    let list: Vec<String> = columns
        .iter()
        .zip(&line.cells)
        .filter(|(_, cell)| !cell.is_empty())
        .map(|(column, cell)| format!("{} {cell}", column.heading))
        .collect();
    list.join("; ")
}

/// Writes a command as one column with every metric that the run has, zeros included.
fn command(sheet: &mut Sheet, scenario: &ScenarioRecord) {
    let columns = [Column::of_scenario(scenario)];
    let all: Vec<Name> = Metric::ALL
        .iter()
        .map(|&metric| Name {
            scenario: None,
            quantity: Quantity::Count {
                role: None,
                metric,
                part: None,
            },
        })
        .collect();
    let counts = Metric::ALL
        .iter()
        .filter(|metric| scenario.counts.contains_key(metric.key()))
        .flat_map(|&metric| rows::metric(metric, &columns, Parts::All))
        .collect();
    let groups = [
        counts,
        rows::rest(&all, &columns),
        rows::observations(&[], &columns),
        vec![rows::duration(scenario)],
    ];
    print(
        sheet,
        "What the command and its children did",
        &columns,
        &groups,
    );
    roles(sheet, scenario);
}

fn roles(sheet: &mut Sheet, scenario: &ScenarioRecord) {
    let columns: Vec<Column<'_>> = scenario
        .roles
        .iter()
        .map(|(role, counts)| Column {
            heading: role,
            counts,
            scenario: None,
        })
        .collect();
    if !columns.is_empty() {
        let title = format!("{}, by role", scenario.name);
        print(sheet, &title, &columns, &[rows::rest(&[], &columns)]);
    }
}

fn print(sheet: &mut Sheet, title: &str, columns: &[Column<'_>], groups: &[Vec<Line>]) {
    let headings: Vec<&str> = columns.iter().map(|column| column.heading).collect();
    sheet.blank();
    sheet.paragraph(Tone::Strong, 0, title);
    for (number, block) in grid::blocks(&headings, groups).iter().enumerate() {
        if number > 0 {
            sheet.blank();
        }
        for line in &block.heading {
            sheet.line(Tone::Strong, line);
        }
        for line in &block.body {
            sheet.line(Tone::Plain, line);
        }
    }
}
