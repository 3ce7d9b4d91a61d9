//! Counts that differed between kernels, as recorded, and the reasons that the lessons give.

use std::path::Path;

use super::{
    files::{Course, DIFFERENCES, Difference},
    finding::Findings,
};

/// A count of a scenario that was not the same on every kernel.
struct Row<'a> {
    line: usize,
    lesson: &'a str,
    scenario: &'a str,
    count: &'a str,
    values: Vec<&'a str>,
}

impl Row<'_> {
    fn differs(&self) -> bool {
        let mut known = self.values.iter().filter(|value| **value != "n/a");
        let first = known.next();
        known.any(|value| Some(value) != first)
    }

    fn is_explained_by(&self, known: &Difference) -> bool {
        known.counts.iter().any(|count| count == self.count)
            && (known.scenarios.is_empty()
                || known.scenarios.iter().any(|name| name == self.scenario))
    }
}

fn rows(text: &str) -> Vec<Result<Row<'_>, usize>> {
    let lines = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| !line.starts_with('#'));
    lines
        .map(
            |(text, line)| match &text.split('\t').collect::<Vec<_>>()[..] {
                [lesson, scenario, count, values @ ..] => Ok(Row {
                    line,
                    lesson,
                    scenario,
                    count,
                    values: values.to_vec(),
                }),
                _ => Err(line),
            },
        )
        .collect()
}

/// Every recorded difference has a reason, and every reason explains a recorded difference.
pub(super) fn every_difference_has_a_reason(course: &Course, findings: &mut Findings) {
    let file = Path::new(DIFFERENCES);
    let mut recorded = Vec::new();
    for row in rows(&course.differences) {
        match row {
            Ok(row) if row.differs() => recorded.push(row),
            Ok(row) => findings.add(file, row.line, "these do not differ"),
            Err(line) => findings.add(file, line, "this is no lesson, scenario, count and values"),
        }
    }
    for row in &recorded {
        let lesson = |id: &str| id == row.lesson;
        let mut folders = course.lessons.iter();
        let folder = folders.find(|it| lesson(it.file.lesson.id.get_ref()));
        let mut reasons = folder.into_iter().flat_map(|it| &it.file.differences);
        if !reasons.any(|known| row.is_explained_by(known)) {
            let (lesson, scenario, count) = (row.lesson, row.scenario, row.count);
            let what = format!("{lesson} does not say why {count} of {scenario} differs");
            findings.add(file, row.line, what);
        }
    }
    for folder in &course.lessons {
        for known in &folder.file.differences {
            let id = folder.file.lesson.id.get_ref();
            let mut of_lesson = recorded.iter().filter(|row| row.lesson == id);
            if !of_lesson.any(|row| row.is_explained_by(known)) {
                let what = "no recorded difference has this reason".to_owned();
                folder.blame(&known.because, what, findings);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check::samples::told_of;

    fn told(rows: &str) -> Vec<String> {
        told_of(every_difference_has_a_reason, |course| {
            rows.clone_into(&mut course.differences);
        })
    }

    #[test]
    fn a_difference_without_a_reason_and_a_reason_without_a_difference_are_told() {
        assert_eq!(
            told("lesson-1\ttouch\tfaults\t1\t2\n"),
            Vec::<String>::new()
        );
        let other = told("lesson-1\ttouch\tsyscalls\t1\t2\n");
        assert!(other[0].contains(":1: lesson-1 does not say why syscalls of touch differs"));
        assert!(
            other[1].contains("lesson.toml:26: no recorded difference"),
            "{other:?}"
        );
    }

    #[test]
    fn rows_that_are_none_and_rows_that_do_not_differ_are_told() {
        let lines = "lesson-1\ttouch\tfaults\t1\t2\nlesson-1\ttouch\tfaults\t1\tn/a\t1\nx\n";
        let told = told(lines);
        assert!(told[0].ends_with(":2: these do not differ"), "{told:?}");
        assert!(told[1].contains(":3: this is no lesson"), "{told:?}");
    }
}
