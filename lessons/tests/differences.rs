//! What changed between kernels, as recorded, and whether the lessons say why.

mod common;

use common::lesson_file::{Difference, folders};

/// Counts that differed on 6.1, 6.12, 6.18 and 7.3, one a line.
const RECORDED: &str = include_str!("fixtures/differences.tsv");

struct Row {
    lesson: &'static str,
    scenario: &'static str,
    count: &'static str,
}

fn rows() -> Vec<Row> {
    RECORDED
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [lesson, scenario, count, values @ ..] = &fields[..] else {
                panic!("{line} has no values");
            };
            let mut numbers = values.iter().filter(|value| **value != "n/a");
            let first = numbers.next();
            assert!(
                numbers.any(|value| Some(value) != first),
                "{line}: these do not differ"
            );
            Row {
                lesson,
                scenario,
                count,
            }
        })
        .collect()
}

fn explains(known: &Difference, row: &Row) -> bool {
    known.counts.iter().any(|count| count == row.count)
        && (known.scenarios.is_empty() || known.scenarios.iter().any(|name| name == row.scenario))
}

#[test]
fn every_count_that_differed_between_kernels_has_a_reason() {
    let folders = folders();
    for row in rows() {
        let folder = folders.iter().find(|it| it.file.lesson.id == row.lesson);
        let folder = folder.unwrap_or_else(|| panic!("there is no {}", row.lesson));
        let mut reasons = folder.file.differences.iter();
        assert!(
            reasons.any(|known| explains(known, &row)),
            "{}: nothing says why {} of {} differs",
            row.lesson,
            row.count,
            row.scenario
        );
    }
}

#[test]
fn every_reason_explains_a_count_that_differed() {
    let rows = rows();
    for folder in folders() {
        for known in &folder.file.differences {
            let id = &folder.file.lesson.id;
            assert!(
                rows.iter()
                    .any(|row| row.lesson == id && explains(known, row)),
                "{id}: no recorded difference for: {}",
                known.because
            );
        }
    }
}
