//! Writes CSV for spreadsheets and data frames: one line for each number, with everything that it belongs to.
//!
//! RFC 4180, except that lines end with a newline only. A number that was not counted is an empty field, and
//! its line says why. A text stands in one line, and what opens the file takes it for nothing but a text.

mod data;

use anyhow::{Context as _, Result};

use super::{notes::outcome, text::escape};
use crate::{
    course::{
        compare::{Comparison, CountRow},
        notes::{Evidence, Ledger, NoteEntry},
    },
    metrics::{Grade, Metric, Unit},
    record::{Recording, ScenarioRecord},
    text::quote::quoted,
};
use data::{Datum, of_scenario};

/// The columns of recordings.
const COUNTS: [&str; 17] = [
    "program",
    "started_at",
    "kernel",
    "size_bytes",
    "scenario",
    "role",
    "metric",
    "part",
    "value",
    "min",
    "max",
    "unit",
    "state",
    "grade",
    "lost",
    "reason",
    "incomplete",
];

/// The columns of a comparison.
const COMPARED: [&str; 9] = [
    "program", "kernel", "scenario", "metric", "value", "unit", "reason", "differs", "because",
];

/// The columns of the claims of the mmap notes.
const CLAIMS: [&str; 14] = [
    "claim", "says", "verdict", "here", "right", "lesson", "sentence", "state", "scenario",
    "expect", "observed", "expected", "grade", "reason",
];

/// In place of a role or part: all of them together.
const ALL: &str = "all";

/// With these characters a spreadsheet begins a formula; and with the last, a text that only looks like one.
const FORMULA: [char; 5] = ['=', '+', '-', '@', '\''];

/// Words that `pandas.read_csv` takes for a missing value, and that begin no formula. Every lesson has a
/// scenario called null.
const MISSING: [&str; 14] = [
    "#N/A", "#N/A N/A", "#NA", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None",
    "n/a", "nan", "null",
];

/// Every number of every recording.
pub fn recordings(recordings: &[Recording]) -> Result<String> {
    let lines = recordings.iter().flat_map(|recording| {
        let scenarios = recording.scenarios.iter();
        scenarios.flat_map(move |scenario| {
            of_scenario(recording, scenario).map(move |datum| line(recording, scenario, datum))
        })
    });
    table(COUNTS, lines)
}

/// Every count that a comparison shows, on each of its kernels.
pub fn comparison(comparison: &Comparison) -> Result<String> {
    let lines = comparison.counts.iter().flat_map(|row| {
        let numbers = comparison.kernels.iter().zip(&row.values);
        numbers.map(|(kernel, value)| compared(comparison, row, kernel, *value))
    });
    table(COMPARED, lines)
}

/// The claims of the mmap notes, each with every sentence that settles it.
pub fn ledger(ledger: &Ledger) -> Result<String> {
    let lines = ledger.claims.iter().flat_map(|entry| {
        let evidence: Vec<Option<&Evidence>> = match &entry.evidence[..] {
            [] => vec![None],
            all => all.iter().map(Some).collect(),
        };
        evidence.into_iter().map(|it| claim(entry, it))
    });
    table(CLAIMS, lines)
}

fn table<const N: usize>(
    header: [&str; N],
    lines: impl Iterator<Item = [String; N]>,
) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(header)
        .context("cannot write the header as CSV")?;
    for line in lines {
        writer
            .write_record(line)
            .context("cannot write a line as CSV")?;
    }
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error);
    String::from_utf8(bytes.context("cannot write the result as CSV")?)
        .context("the result as CSV is not UTF-8")
}

fn line(recording: &Recording, scenario: &ScenarioRecord, datum: Datum) -> [String; COUNTS.len()] {
    let [min, max] = datum.range.map(number);
    [
        program(recording),
        inert(&recording.started_at),
        inert(&recording.machine.kernel),
        number(recording.size_bytes),
        inert(&scenario.name),
        inert(&datum.role),
        inert(&datum.metric),
        datum.part.map_or(ALL.to_owned(), |part| inert(&part)),
        number(datum.value),
        min,
        max,
        datum.unit.to_owned(),
        datum.state.to_owned(),
        datum.grade.to_owned(),
        datum.lost.to_string(),
        optional(datum.reason.as_deref()),
        optional(recording.incomplete.as_deref()),
    ]
}

fn compared(
    comparison: &Comparison,
    row: &CountRow,
    kernel: &str,
    value: Option<u64>,
) -> [String; COMPARED.len()] {
    let mut missing = comparison.missing.iter();
    let missing = missing.find(|it| it.count == row.count && it.kernel == kernel);
    let reason = match (value, missing) {
        (Some(_), _) => String::new(),
        (None, Some(missing)) => inert(&missing.reason),
        (None, None) => "its recording has no such count".to_owned(),
    };
    let because = row.reason.and_then(|place| comparison.reasons.get(place));
    [
        inert(&comparison.lesson),
        inert(kernel),
        inert(&row.scenario),
        inert(&row.count),
        number(value),
        Metric::by_key(&row.count).map_or(String::new(), |it| unit(it.unit()).to_owned()),
        reason,
        row.differs.to_string(),
        optional(because.map(|reason| &*reason.because)),
    ]
}

fn claim(entry: &NoteEntry, evidence: Option<&Evidence>) -> [String; CLAIMS.len()] {
    let of = |field: fn(&Evidence) -> Option<&str>| optional(evidence.and_then(field));
    [
        entry.claim.to_string(),
        optional(entry.says.as_deref()),
        entry
            .verdict
            .map_or("", |verdict| verdict.name())
            .to_owned(),
        outcome(entry.outcome).1.to_owned(),
        optional(entry.right.as_deref()),
        of(|it| Some(&it.lesson)),
        of(|it| Some(&it.sentence)),
        of(|it| Some(it.state.name())),
        of(|it| it.scenario.as_deref()),
        of(|it| it.expect.as_deref()),
        of(|it| it.observed.as_deref()),
        of(|it| it.expected.as_deref()),
        of(|it| it.grade.map(Grade::name)),
        of(|it| it.reason.as_deref()),
    ]
}

/// The lesson's id, or the command as a shell would read it.
fn program(recording: &Recording) -> String {
    let command = recording.command.iter().flatten();
    let command: Vec<_> = command.map(|word| quoted(word)).collect();
    match &recording.lesson {
        Some(id) => inert(id),
        None => inert(&command.join(" ")),
    }
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Events => "events",
        Unit::Bytes => "bytes",
        Unit::Pages => "pages",
    }
}

fn number(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

fn optional(text: Option<&str>) -> String {
    text.map_or(String::new(), inert)
}

/// A text in one line, with an apostrophe in front if a program would take it for something else than a text.
/// Without a first apostrophe, each field is the text again.
fn inert(text: &str) -> String {
    let text = escape(text);
    if text.starts_with(FORMULA) || MISSING.contains(&&*text) {
        format!("'{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        course::{
            compare::compare,
            lesson::file::LessonFile,
            notes,
            samples::{self, LESSON, RECORDINGS, count},
        },
        golden,
        render::text::is_printable,
    };

    /// The lines after the header, and the columns by name.
    fn parsed(text: &str) -> (Vec<csv::StringRecord>, impl Fn(&str) -> usize + use<>) {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().clone();
        let lines = reader.records().collect::<Result<_, _>>().unwrap();
        (lines, move |name: &str| {
            header.iter().position(|it| it == name).unwrap()
        })
    }

    #[test]
    fn recordings_a_comparison_and_claims_stay_as_they_are() {
        let all: Vec<Recording> = (0..RECORDINGS.len()).map(samples::numbered).collect();
        for (name, recording) in ["small", "incomplete", "exec"].into_iter().zip(&all) {
            let text = recordings(std::slice::from_ref(recording)).unwrap();
            golden::assert(&format!("tests/fixtures/reports/{name}.csv"), &text);
        }
        let mut other = all[0].clone();
        other.machine.kernel = "6.1.0-56-cloud-amd64".to_owned();
        count(&mut other, "mmap-load", "faults").value = Some(17);
        count(&mut other, "read-4k", "syscalls").value = None;
        let compared = compare(&[all[0].clone(), other], None).unwrap();
        let text = comparison(&compared).unwrap();
        golden::assert("tests/fixtures/reports/comparison.csv", &text);
        let files = [LessonFile::parse(LESSON).unwrap()];
        let text = ledger(&notes::ledger(&files, &all[..1]).unwrap()).unwrap();
        golden::assert("tests/fixtures/reports/ledger.csv", &text);
    }

    #[test]
    fn every_count_has_a_line_for_each_role_and_part_and_none_is_0_for_want_of_a_number() {
        for number in 0..RECORDINGS.len() {
            let recording = samples::numbered(number);
            let text = recordings(std::slice::from_ref(&recording)).unwrap();
            let (lines, at) = parsed(&text);
            let mut expected = 0;
            for scenario in &recording.scenarios {
                let all = scenario
                    .roles
                    .iter()
                    .map(|(role, counts)| (&**role, counts));
                for (role, counts) in all.chain([(ALL, &scenario.counts)]) {
                    for (key, count) in counts {
                        let whole = [(ALL, count.value)].into_iter();
                        let parts = count.by.iter().filter(|_| count.value.is_some());
                        let parts = parts.map(|(part, value)| (&**part, Some(*value)));
                        for (part, value) in whole.chain(parts) {
                            let found = lines.iter().find(|line| {
                                line[at("scenario")].trim_start_matches('\'') == scenario.name
                                    && line[at("role")] == *role
                                    && line[at("metric")] == **key
                                    && line[at("part")] == *part
                            });
                            let line = found.unwrap();
                            let shown = value.map_or(String::new(), |it| it.to_string());
                            assert_eq!(line[at("value")], shown);
                            assert_eq!(value.is_none(), !line[at("reason")].is_empty());
                            expected += 1;
                        }
                    }
                }
            }
            let counts = lines.iter().filter(|it| !it[at("state")].is_empty());
            assert_eq!(counts.count(), expected);
        }
    }

    #[test]
    fn hostile_texts_are_inert_and_stay_in_their_fields() {
        let long = "字".repeat(10_000);
        let mut recording = samples::numbered(2);
        for (text, field) in [
            (
                "=HYPERLINK(\"http://x\",\"y\")",
                "'=HYPERLINK(\"http://x\",\"y\")",
            ),
            ("+1", "'+1"),
            ("-1+1", "'-1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("'=1", "''=1"),
            ("\t=1", "\\t=1"),
            ("a,b\"c", "a,b\"c"),
            ("a\r\n=1", "a\\r\\n=1"),
            ("\x1b[31m\u{202e}", "\\u{1b}[31m\\u{202e}"),
            ("null", "'null"),
            ("NaN", "'NaN"),
            ("<script>", "<script>"),
            (&*long, &*long),
        ] {
            text.clone_into(&mut recording.scenarios[0].name);
            recording.command = Some(vec![text.to_owned()]);
            recording.incomplete = Some(text.to_owned());
            let written = recordings(std::slice::from_ref(&recording)).unwrap();
            assert!(written.chars().all(|it| it == '\n' || is_printable(it)));
            let (lines, at) = parsed(&written);
            assert_eq!(lines.len() + 1, written.lines().count());
            for line in &lines {
                assert_eq!(&line[at("scenario")], field);
                assert_eq!(&line[at("incomplete")], field);
                assert!(!line[at("program")].starts_with(['=', '+', '-', '@']));
            }
        }
    }

    #[test]
    fn a_recording_without_scenarios_is_a_header() {
        let text = recordings(&[]).unwrap();
        assert_eq!(text, format!("{}\n", COUNTS.join(",")));
    }
}
