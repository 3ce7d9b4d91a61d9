//! Reads a `lesson.toml`, and checks that everything in it can be judged.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{
    file::{LessonFile, Scenario},
    observation,
    problems::Problems,
    raw::{RawConstant, RawFile},
    validate,
};
use crate::course::expression::{
    constants,
    scope::{Observation, Scope},
};

/// Why a text is not a `lesson.toml`.
#[derive(Debug, Error)]
pub enum LessonFileError {
    /// It is not TOML, or has fields that a lesson does not have.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// Its parts do not fit together.
    #[error("{0}")]
    Wrong(Problems),
}

impl LessonFile {
    /// Reads a `lesson.toml`; the error lists everything that is wrong with it.
    pub fn parse(text: &str) -> Result<LessonFile, LessonFileError> {
        let raw: RawFile = toml::from_str(text)?;
        let mut problems = Problems::default();
        let observed = observation::read(raw.observations, &mut problems);
        let observations = observed
            .iter()
            .map(|(name, it)| (name.clone(), it.about.clone()))
            .collect();
        let scope = scope(observed, raw.constants, &raw.scenario, &mut problems);
        let file = LessonFile {
            lesson: raw.lesson,
            tables: raw
                .table
                .into_iter()
                .map(|table| table.read(&scope, &mut problems))
                .collect(),
            charts: raw
                .chart
                .into_iter()
                .filter_map(|chart| chart.read(&scope, &mut problems))
                .collect(),
            observations,
            scenarios: raw.scenario,
            claims: raw
                .claim
                .into_iter()
                .map(|claim| claim.read(&scope, &mut problems))
                .collect(),
            predictions: raw
                .prediction
                .into_iter()
                .filter_map(|prediction| prediction.read(&scope, &mut problems))
                .collect(),
            notes: raw.note,
            differences: raw.difference,
        };
        validate::file(&file, &scope, &mut problems);
        if problems.len() == 0 {
            Ok(file)
        } else {
            Err(LessonFileError::Wrong(problems))
        }
    }
}

/// What the expressions of this lesson can name.
fn scope(
    observations: BTreeMap<String, Observation>,
    constants: BTreeMap<String, RawConstant>,
    scenarios: &[Scenario],
    problems: &mut Problems,
) -> Scope {
    let scenarios = scenarios.iter().map(|it| it.name.clone()).collect();
    let mut scope = Scope::new(scenarios, observations);
    let texts = constants.into_iter().map(|(name, constant)| {
        let text = match constant {
            RawConstant::Number(number) => number.to_string(),
            RawConstant::Expression(text) => text,
        };
        (name, text)
    });
    for (name, problem) in constants::define(&texts.collect(), &mut scope) {
        problems.add(&format!("let, {name}"), problem);
    }
    scope
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        course::{lesson::file::NoteVerdict, samples::LESSON},
        metrics::{Grade, Metric},
        record::Basis,
    };

    fn error(text: &str) -> String {
        LessonFile::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_valid_file_is_read_with_its_expressions() {
        let file = LessonFile::parse(LESSON).unwrap();
        assert_eq!(file.size_bytes().unwrap(), 64 << 20);
        assert_eq!(file.tables[0].rows.len(), 4);
        let claim = &file.claims[0];
        assert_eq!(
            (claim.basis, claim.least),
            (Basis::Counted, Grade::Inferred)
        );
        assert_eq!(claim.checks[0].needs.len(), 1);
        assert_eq!(file.notes[0].verdict, NoteVerdict::Conditional);
    }

    #[test]
    fn a_lesson_names_the_metrics_of_its_checks() {
        let file = |text: &str| LessonFile::parse(text).unwrap();
        assert!(!file(LESSON).names(Metric::CpuSamples));
        assert!(file(LESSON).names(Metric::CopiedToUser));
        let sampled = LESSON.replace(
            "expect = \"copied_to_user_bytes == 0\"",
            "expect = \"cpu_samples.copying == 0\"",
        );
        assert!(file(&sampled).names(Metric::CpuSamples));
    }

    #[test]
    fn every_problem_is_reported_with_its_claim_and_field() {
        let text = LESSON
            .replace(
                "expect = \"copied_to_user_bytes == 0\"",
                "expect = \"copied_to_user_byte == 0\"",
            )
            .replace("needs = [\"observed.", "needs = [\"observd.");
        let error = error(&text);
        assert!(
            error.contains(
                "claim read-copies-every-byte, check 1, needs: \"observd.resident_pages_before == \
                 work.bytes / machine.page_bytes\", column 1: nothing is called observd"
            ),
            "{error}"
        );
        assert!(
            error.contains("claim load-copies-nothing, check 1, expect: ")
                && error.contains("did you mean copied_to_user_bytes?"),
            "{error}"
        );
    }

    /// A line of the small lesson, what it becomes, and what the error then says.
    const MISFITS: [(&str, &str, &str); 20] = [
        (
            "id = \"load-copies-nothing\"",
            "id = \"read-copies-every-byte\"",
            "there are two",
        ),
        (
            "name = \"mmap-load\"",
            "name = \"read-4k\"",
            "scenario read-4k: there are two",
        ),
        (
            "scenarios = [\"mmap-load\"]",
            "scenarios = [\"mmap-lod\"]",
            "check 1, scenarios: no scenario mmap-lod; did you mean mmap-load?",
        ),
        (
            "scenarios = [\"mmap-load\"]",
            "scenarios = []",
            "there is none",
        ),
        (
            "== 0\"",
            "== read-8k:copied_to_user_bytes\"",
            "column 25: no scenario read-8k; did you mean read-4k?",
        ),
        (
            "\"faults\", ",
            "\"machine.page_bytes\", ",
            "rows: machine.page_bytes is not",
        ),
        (
            "\"faults\", ",
            "\"falts\", ",
            "rows: nothing is called falts",
        ),
        ("size = \"64MiB\"", "size = \"64MB\"", "lesson, size: "),
        ("size = \"64MiB\"", "size = \"0\"", "lesson, size: "),
        ("id = \"lesson-3\"", "id = \"../lesson-3\"", "lesson, id: "),
        ("source = \"a book\"", "", "has no source"),
        (
            "right = \"one copy\"",
            "",
            "note 2: its verdict is not true, so it needs the right sentence",
        ),
        (
            "basis = \"source\"",
            "basis = \"counted\"",
            "neither a check nor",
        ),
        (
            "expect = \"copied_to_user_bytes == 0\"",
            "expect = \"cpu_us == 0\"",
            "cpu_us == 0: only what a timed claim expects can name cpu_us",
        ),
        (
            "expect = \"copied_to_user_bytes == 0\"",
            "expect = []",
            "check 1, expect: there is none",
        ),
        (
            "expect = \"copied_to_user_bytes == 0\"",
            "expect = [\"copied_to_user_bytes == 0\", \"faults == work.bytes\"]",
            "faults (events) and work.bytes (bytes) cannot be compared",
        ),
        (
            "expect = \"copied_to_user_bytes == 0\"",
            "expect = \"observed.sum == 0\"",
            "[observations] does not declare sum",
        ),
        (
            "expect = \"copied_to_user_bytes == 0\"",
            "expect = \"work.bytes > 0\"",
            "its basis is counted, but no check expects anything of a count",
        ),
        (
            "basis = \"counted\"\nsection = \"Look\"",
            "basis = \"observed\"\nsection = \"Look\"",
            "its basis is observed, but no check expects anything of an observation",
        ),
        (
            "section = \"Explain\"",
            "section = \"\"",
            "section: it is empty",
        ),
    ];

    #[test]
    fn parts_that_do_not_fit_together_are_refused() {
        for (old, new, problem) in MISFITS {
            let changed = LESSON.replacen(old, new, 1);
            assert_ne!(changed, LESSON, "{old}");
            let error = error(&changed);
            assert!(error.contains(problem), "{old} -> {new}: {error}");
        }
    }

    #[test]
    fn unknown_fields_and_values_are_refused_with_their_line() {
        for (old, new) in [
            ("minutes", "minute"),
            ("basis = \"source\"", "basis = \"guess\""),
        ] {
            let error = error(&LESSON.replace(old, new));
            assert!(error.contains("line "), "{error}");
        }
    }

    fn checks(text: &str) -> Vec<(Vec<String>, String, usize)> {
        let file = LessonFile::parse(text).unwrap_or_else(|error| panic!("{error}"));
        let checks = file.claims.into_iter().flat_map(|claim| claim.checks);
        checks
            .map(|check| (check.scenarios, check.expect.text, check.needs.len()))
            .collect()
    }

    #[test]
    fn a_list_of_expectations_is_as_many_checks_with_the_same_scenarios_and_needs() {
        let list = LESSON.replace(
            "expect = \"copied_to_user_bytes == work.bytes\"",
            "expect = [\"copied_to_user_bytes == work.bytes\", \"faults >= 0\"]",
        );
        let (one, two) = (checks(LESSON), checks(&list));
        assert_eq!(two.len(), one.len() + 1);
        assert_eq!(two[0], one[0]);
        let second = ("faults >= 0".to_owned(), 1);
        assert_eq!((two[1].1.clone(), two[1].2), second);
        assert_eq!(two[1].0, one[0].0);
    }

    #[test]
    fn constants_and_observations_can_be_used_once_they_are_declared() {
        let declared = LESSON.replacen(
            "[[table]]",
            "[let]\nhalf = \"work.bytes / two\"\ntwo = 2\n\n[observations]\n\
             sum = \"Sum of all bytes.\"\n\
             errno = { about = \"What open(2) failed with.\", by = [\"first-call\"] }\n\
             delay = { about = \"How long it waited.\", unit = \"ms\" }\n\n[[table]]",
            1,
        );
        let used = declared.replace(
            "expect = \"copied_to_user_bytes == 0\"",
            "expect = [\"copied_to_user_bytes <= half\", \"observed.errno.first-call == 0\", \
             \"observed.sum >= -5\", \"observed.delay < 3\"]",
        );
        assert_eq!(checks(&used).len(), 5);
        for (old, new, problem) in [
            ("by = [", "bye = [", "unknown field `bye`"),
            (
                "unit = \"ms\"",
                "unit = \"days\"",
                "no unit days; there are plain",
            ),
            (
                "two = 2",
                "two = \"half\"",
                "let, half: it is defined by itself: half -> two",
            ),
            (
                "observed.delay <",
                "observed.delay < work.bytes + ",
                "cannot be compared",
            ),
            (
                "errno.first-call",
                "errno.first-cal",
                "did you mean first-call?",
            ),
        ] {
            let error = error(&used.replacen(old, new, 1));
            assert!(error.contains(problem), "{new}: {error}");
        }
    }
}
