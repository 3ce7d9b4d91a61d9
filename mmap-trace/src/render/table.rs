//! Draws a whole Recording for a terminal.

use super::{Detail, Style, chart, claims, header, legend, predictions, sheet::Sheet, tables};
use crate::{course::lesson::file::LessonFile, record::Recording};

/// Draws a Recording. `file` has the tables that the lesson chooses; the claims come from the Recording.
#[must_use]
pub fn render(
    recording: &Recording,
    file: Option<&LessonFile>,
    style: Style,
    detail: Detail,
) -> String {
    let mut sheet = Sheet::new(style);
    header::write(&mut sheet, recording, file);
    tables::write(&mut sheet, recording, file, detail);
    for chart in file.map(|file| file.charts.as_slice()).unwrap_or_default() {
        chart::write(&mut sheet, chart, recording);
    }
    legend::write(&mut sheet, recording, detail);
    claims::write(&mut sheet, recording);
    predictions::write(&mut sheet, recording);
    sheet.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        course::{
            judge::claims::judge,
            samples::{self, LESSON, RECORDINGS},
        },
        golden,
        metrics::Metric,
        record::{Count, MetricRecord, MetricState, Observed},
        render::text::{WIDTH, is_printable, width},
    };

    /// A recording of the small lesson, judged.
    fn report(number: usize) -> String {
        let file = LessonFile::parse(LESSON).unwrap();
        let mut recording = samples::numbered(number);
        recording.claims = judge(&file, &recording);
        render(&recording, Some(&file), Style::Plain, Detail::All)
    }

    #[test]
    fn a_lesson_has_tables_and_claims() {
        golden::assert("tests/fixtures/reports/small.txt", &report(0));
    }

    #[test]
    fn losses_and_missing_counts_are_marked_at_each_number() {
        golden::assert("tests/fixtures/reports/incomplete.txt", &report(1));
    }

    #[test]
    fn a_command_is_one_column_with_every_metric() {
        let report = render(&samples::numbered(2), None, Style::Plain, Detail::All);
        golden::assert("tests/fixtures/reports/exec.txt", &report);
    }

    const HOSTILE: &str =
        "x\x1b]0;owned\x07\u{9b}2J\r\u{202e}\u{2028}-缺页_with.a-very-long-name-indeed-";

    /// Long names and numbers in every place where a Recording has any.
    fn hostile(mut recording: Recording) -> Recording {
        let long = HOSTILE.repeat(3);
        recording.machine.kernel.clone_from(&long);
        recording.machine.file_system.clone_from(&long);
        recording.machine.user.clone_from(&long);
        recording.machine.block_device = Some(long.clone());
        recording.incomplete = Some(long.clone());
        recording.lesson = recording.lesson.map(|_| long.clone());
        recording.command = recording.command.map(|_| vec![long.clone(), String::new()]);
        recording.metrics.push(MetricRecord {
            name: long.clone(),
            state: MetricState::Lost,
            grade: None,
            probe: Some(long.clone()),
            meaning: None,
            lost: u64::MAX,
            reason: Some(long.clone()),
            calibrated_by: vec![HOSTILE.to_owned()],
            not_calibrated: Some(HOSTILE.to_owned()),
            not_cross_checked: None,
        });
        let scenario = recording.scenarios.last().unwrap().clone();
        for number in 0..9 {
            let mut scenario = scenario.clone();
            scenario.name = format!("{HOSTILE}{number}");
            scenario.rounds = number;
            scenario.work.bytes = u64::MAX;
            scenario.elapsed_ns.max = u64::MAX;
            let observed = Observed {
                value: Some(i64::MIN),
                by: [(long.clone(), i64::MAX)].into(),
            };
            scenario.observed.insert(HOSTILE.to_owned(), observed);
            for (key, metric) in Metric::ALL.iter().enumerate() {
                let count = Count {
                    value: (key != 3).then_some(u64::MAX),
                    min: Some(0),
                    max: Some(u64::MAX),
                    reason: Some(long.clone()),
                    by: [(HOSTILE.to_owned(), 1), ("user".to_owned(), u64::MAX)].into(),
                    lost: u64::MAX,
                };
                scenario.counts.insert(metric.key().to_owned(), count);
            }
            let counts = scenario.counts.clone();
            scenario.roles.insert(long.clone(), counts);
            recording.scenarios.push(scenario);
        }
        for claim in &mut recording.claims {
            claim.text.clone_from(&long);
            claim.reason = Some(long.clone());
            claim.expected = Some(long.clone());
        }
        recording
    }

    /// Every fixture, as it is and with hostile names, with and without its lesson.
    fn every_report(style: Style) -> Vec<String> {
        let file = LessonFile::parse(LESSON).unwrap();
        let mut reports = Vec::new();
        for number in 0..RECORDINGS.len() {
            let mut recording = samples::numbered(number);
            recording.claims = judge(&file, &recording);
            for recording in [recording.clone(), hostile(recording)] {
                reports.push(render(&recording, None, style, Detail::All));
                reports.push(render(&recording, Some(&file), style, Detail::All));
            }
        }
        reports
    }

    #[test]
    fn no_line_is_too_wide_or_ends_in_a_space() {
        for report in every_report(Style::Plain) {
            for line in report.lines() {
                assert!(width(line) <= WIDTH, "{} columns: {line}", width(line));
                assert_eq!(line, line.trim_end());
            }
        }
    }

    #[test]
    fn a_report_has_no_control_characters() {
        for report in every_report(Style::Plain) {
            let wrong = report.chars().find(|&c| c != '\n' && !is_printable(c));
            assert_eq!(wrong, None, "{report}");
        }
    }

    #[test]
    fn colour_adds_styles_and_nothing_else() {
        let plain = every_report(Style::Plain);
        for (plain, colour) in plain.iter().zip(every_report(Style::Colour)) {
            let mut stripped = String::new();
            for (number, piece) in colour.split("\u{1b}[").enumerate() {
                let text = if number == 0 {
                    Some(piece)
                } else {
                    piece.split_once('m').map(|it| it.1)
                };
                stripped.push_str(text.unwrap());
            }
            assert_eq!(&stripped, plain);
            assert_ne!(&colour, plain);
        }
    }

    #[test]
    fn an_empty_recording_does_not_panic() {
        let mut recording = samples::recording();
        recording.scenarios.clear();
        recording.metrics.clear();
        let report = render(&recording, None, Style::Plain, Detail::All);
        assert!(report.starts_with("lesson-3\n"), "{report}");
    }
}
