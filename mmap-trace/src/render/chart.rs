//! Charts for a terminal: a line per label and a mark per series, on a logarithmic scale.
//!
//! A chart can be read without colour and without the picture: it shows the numbers as well, and a sentence
//! below says which of two series has less, and where.

use super::{
    sheet::{Sheet, Tone},
    text::{WIDTH, escape, width},
};
use crate::text::number::thousands;
use crate::{
    course::{
        expression::value::{Unobservable, Value},
        judge,
        lesson::chart::Chart,
    },
    record::Recording,
};

/// Where the marks of several series coincide.
const TOGETHER: char = '=';
/// After numbers whose intervals overlap.
pub(super) const TOO_CLOSE: &str = "~";
/// In place of a number that does not exist.
const MISSING: &str = "-";
/// The least number of columns of the picture.
const NARROWEST: usize = 12;

/// The values of all series at one label.
pub(super) type Row<'a> = Vec<&'a Result<Value, Unobservable>>;

/// Draws a chart, if the run has any value for it.
pub(super) fn write(sheet: &mut Sheet, chart: &Chart, recording: &Recording) {
    let values = judge::chart::values(chart, recording);
    let rows = rows(chart, &values);
    let Some(scale) = Scale::over(
        values.iter().flatten().flatten(),
        picture_width(chart, &rows),
    ) else {
        return;
    };
    sheet.blank();
    sheet.paragraph(Tone::Strong, 0, &chart.title);
    let label_width = widest(chart.labels.iter().map(String::as_str));
    sheet.line(Tone::Strong, &heading(chart, &rows, &scale, label_width));
    for (label, row) in chart.labels.iter().zip(&rows) {
        let gap = " ".repeat(label_width - width(label));
        let mut line = format!("{gap}{label} |{}|", picture(chart, row, &scale));
        for (number, series) in row.iter().enumerate() {
            line.push_str(&right(&text(series), column_width(chart, &rows, number)));
        }
        if smaller(row) == Some(Smaller::Neither) {
            line.push_str(TOO_CLOSE);
        }
        sheet.line(Tone::Plain, &line);
    }
    sheet.paragraph(Tone::Faint, 0, &legend(chart, &rows));
    if let Some(sentence) = in_words(chart, &rows) {
        sheet.paragraph(Tone::Plain, 0, &sentence);
    }
}

/// The values of each label.
pub(super) fn rows<'a>(
    chart: &Chart,
    values: &'a [Vec<Result<Value, Unobservable>>],
) -> Vec<Row<'a>> {
    let row = |label| values.iter().filter_map(|it| it.get(label)).collect();
    (0..chart.labels.len()).map(row).collect()
}

/// What a chart of two series shows, in words.
pub(super) fn in_words(chart: &Chart, rows: &[Row<'_>]) -> Option<String> {
    let [first, second] = chart.series.as_slice() else {
        return None;
    };
    sentence(&chart.labels, rows, [&first.name, &second.name])
}

/// A logarithmic scale: each column of the picture is a constant factor.
struct Scale {
    lowest_power: u32,
    powers: u32,
    columns: usize,
}

impl Scale {
    /// `None` without any values.
    fn over<'a>(values: impl Iterator<Item = &'a Value>, columns: usize) -> Option<Scale> {
        let all: Vec<i128> = values.map(|value| value.median.max(1)).collect();
        let lowest_power = all.iter().min()?.ilog10();
        let highest = *all.iter().max()?;
        let top = highest.ilog10() + u32::from(highest != 10_i128.pow(highest.ilog10()));
        Some(Scale {
            lowest_power,
            powers: (top - lowest_power).max(1),
            columns,
        })
    }

    /// The column whose number is nearest to this one.
    fn column(&self, number: i128) -> usize {
        let step = f64::from(self.powers) / (self.columns - 1) as f64;
        let midpoint_before = |column: usize| {
            let power = f64::from(self.lowest_power) + (column as f64 - 0.5) * step;
            10_f64.powf(power)
        };
        let number = number as f64;
        (1..self.columns)
            .take_while(|column| midpoint_before(*column) <= number)
            .count()
    }

    /// The powers of ten above their columns; those that do not fit are left out.
    fn axis(&self) -> String {
        let mut line = String::new();
        for power in self.lowest_power..=self.lowest_power + self.powers {
            let number = 10_i128.pow(power);
            let text = thousands(number);
            let end = (self.column(number) + 1).max(text.len());
            let begin = end - text.len();
            if begin > line.len() || line.is_empty() {
                line.push_str(&" ".repeat(begin - line.len()));
                line.push_str(&text);
            }
        }
        line
    }
}

fn heading(chart: &Chart, rows: &[Row<'_>], scale: &Scale, label_width: usize) -> String {
    let axis = scale.axis();
    let gap = " ".repeat((scale.columns + 1).saturating_sub(axis.len()));
    let mut line = format!("{} {axis}{gap}", " ".repeat(label_width + 1));
    for (number, series) in chart.series.iter().enumerate() {
        line.push_str(&right(&series.name, column_width(chart, rows, number)));
    }
    line
}

/// The marks, with a line between the outermost ones.
fn picture(chart: &Chart, row: &Row<'_>, scale: &Scale) -> String {
    let marks: Vec<(usize, char)> = chart
        .series
        .iter()
        .zip(row)
        .filter_map(|(series, value)| {
            let value = value.as_ref().ok()?;
            Some((scale.column(value.median), series.name.chars().next()?))
        })
        .collect();
    let first = marks.iter().map(|(column, _)| *column).min();
    let last = marks.iter().map(|(column, _)| *column).max();
    (0..scale.columns)
        .map(|column| {
            let mut here = marks.iter().filter(|(place, _)| *place == column);
            match (here.next(), here.next()) {
                (Some((_, mark)), None) => *mark,
                (Some(_), Some(_)) => TOGETHER,
                (None, _) if first < Some(column) && Some(column) < last => '-',
                (None, _) => ' ',
            }
        })
        .collect()
}

fn picture_width(chart: &Chart, rows: &[Row<'_>]) -> usize {
    let label_width = widest(chart.labels.iter().map(String::as_str));
    let columns = 0..chart.series.len();
    let numbers: usize = columns
        .map(|number| column_width(chart, rows, number))
        .sum();
    // A space, two borders, and the sign after the numbers.
    let around = label_width + 3 + numbers + TOO_CLOSE.len();
    WIDTH.saturating_sub(around).max(NARROWEST)
}

/// Columns for the numbers of one series, including two spaces before them.
fn column_width(chart: &Chart, rows: &[Row<'_>], number: usize) -> usize {
    let texts = rows.iter().filter_map(|row| row.get(number));
    let numbers = texts.map(|value| width(&text(value))).max().unwrap_or(0);
    let name = chart
        .series
        .get(number)
        .map_or(0, |series| width(&series.name));
    2 + numbers.max(name)
}

pub(super) fn text(value: &Result<Value, Unobservable>) -> String {
    match value {
        Ok(value) => thousands(value.median),
        Err(_) => MISSING.to_owned(),
    }
}

fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| width(&escape(text))).max().unwrap_or(0)
}

fn legend(chart: &Chart, rows: &[Row<'_>]) -> String {
    let mut parts: Vec<String> = chart
        .series
        .iter()
        .filter_map(|series| Some(format!("{} {}", series.name.chars().next()?, series.name)))
        .collect();
    if chart.series.len() > 1 {
        parts.push(format!("{TOGETHER} together"));
    }
    parts.extend(signs(rows));
    parts.join(", ")
}

/// What the signs beside numbers mean, if there are any.
pub(super) fn signs(rows: &[Row<'_>]) -> Vec<String> {
    let mut signs = Vec::new();
    if rows
        .iter()
        .any(|row| smaller(row) == Some(Smaller::Neither))
    {
        signs.push(format!("{TOO_CLOSE} too close to tell"));
    }
    let missing = rows.iter().flatten().find_map(|value| value.as_ref().err());
    if let Some(Unobservable(reason)) = missing {
        signs.push(format!("{MISSING} no number: {reason}"));
    }
    signs
}

/// Which of two series has less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Smaller {
    First,
    Second,
    /// Their intervals overlap.
    Neither,
}

/// `None` unless exactly two series have a number here.
pub(super) fn smaller(row: &Row<'_>) -> Option<Smaller> {
    let [Ok(first), Ok(second)] = row.as_slice() else {
        return None;
    };
    Some(if first.max < second.min {
        Smaller::First
    } else if second.max < first.min {
        Smaller::Second
    } else {
        Smaller::Neither
    })
}

/// The chart in words; `None` if no label has both numbers.
fn sentence(labels: &[String], rows: &[Row<'_>], names: [&str; 2]) -> Option<String> {
    rows.iter().find_map(|row| smaller(row))?;
    let decided: Vec<(&str, &str)> = labels
        .iter()
        .zip(rows)
        .filter_map(|(label, row)| match smaller(row)? {
            Smaller::First => Some((label.as_str(), names[0])),
            Smaller::Second => Some((label.as_str(), names[1])),
            Smaller::Neither => None,
        })
        .collect();
    let changes: Vec<_> = decided
        .windows(2)
        .filter(|pair| pair[0].1 != pair[1].1)
        .collect();
    Some(match (decided.first(), changes.as_slice()) {
        (None, _) => "The two cannot be told apart anywhere.".to_owned(),
        (Some((_, name)), []) => format!("{name} has less wherever the two can be told apart."),
        (Some((_, before)), [change]) => {
            let (last, (next, after)) = (change[0].0, change[1]);
            format!("{before} has less up to {last}, {after} from {next} on.")
        }
        (Some(_), [_, _, ..]) => "Which of the two has less changes more than once.".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        course::{lesson::file::LessonFile, samples},
        record::CpuTime,
        render::Style,
    };

    const CHART: &str = r#"
[[chart]]
title = "CPU time, ns"
section = "Look"
value = "cpu_us * 1000"
labels = ["small", "middle", "large"]
[[chart.series]]
name = "read"
scenarios = ["read-1", "read-2", "read-3"]
[[chart.series]]
name = "map"
scenarios = ["map-1", "map-2", "map-3"]
"#;

    /// The chart of two series, given (low, high) in µs at each size; `None` was not run.
    fn drawn(read: [Option<(u64, u64)>; 3], map: [Option<(u64, u64)>; 3]) -> String {
        let mut text = samples::LESSON.to_owned() + CHART;
        let mut recording = samples::recording();
        for (series, times) in [("read", read), ("map", map)] {
            for (number, time) in times.into_iter().enumerate() {
                let name = format!("{series}-{}", number + 1);
                text += &["[[scenario]]\nname = \"", &name, "\"\nabout = \"x\"\n"].concat();
                let Some((low_us, high_us)) = time else {
                    continue;
                };
                let mut scenario = recording.scenarios[0].clone();
                scenario.name = name;
                scenario.cpu_time = Some(CpuTime {
                    low_us,
                    median_us: low_us.midpoint(high_us),
                    high_us,
                    ..CpuTime::default()
                });
                recording.scenarios.push(scenario);
            }
        }
        let file = LessonFile::parse(&text).unwrap();
        let mut sheet = Sheet::new(Style::Plain);
        write(&mut sheet, &file.charts[0], &recording);
        sheet.into_text()
    }

    #[test]
    fn a_chart_has_marks_numbers_and_a_sentence() {
        let text = drawn(
            [Some((1, 1)), Some((8, 12)), Some((100, 100))],
            [Some((4, 6)), Some((9, 11)), Some((10, 10))],
        );
        assert_eq!(
            text,
            "CPU time, ns
        1,000                10,000                   100,000      read     map
 small |r-----------------m                                  |    1,000   5,000
middle |                          =                          |   10,000  10,000~
 large |                          m-------------------------r|  100,000  10,000
r read, m map, = together, ~ too close to tell
read has less up to small, map from large on.
"
        );
    }

    #[test]
    fn every_line_fits_and_a_missing_number_has_a_reason() {
        let text = drawn([Some((1, 1)), None, Some((u64::MAX, u64::MAX))], [None; 3]);
        assert!(text.lines().all(|line| width(line) <= WIDTH), "{text}");
        assert!(!text.contains("told apart"), "{text}");
        assert!(
            text.contains("- no number: the scenario map-1 was not run"),
            "{text}"
        );
        assert_eq!(drawn([None; 3], [None; 3]), "");
    }

    #[test]
    fn the_sentence_names_the_crossover_if_there_is_one() {
        let low = Some((1, 2));
        let high = Some((3, 4));
        for (read, map, wanted) in [
            ([low; 3], [high; 3], "read has less wherever"),
            ([high; 3], [low; 3], "map has less wherever"),
            ([low; 3], [low; 3], "cannot be told apart anywhere"),
            (
                [low, low, high],
                [high, high, low],
                "read has less up to middle, map from large on.",
            ),
            (
                [low, low, high],
                [high, low, low],
                "read has less up to small, map from large on.",
            ),
            ([low, high, low], [high, low, high], "more than once"),
        ] {
            let text = drawn(read, map);
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
    }
}
