//! Recorded differences of counts between kernels have reasons in the lessons.

use std::path::Path;

use mmap_trace::course::lesson::file::Difference;

use super::{
    files::{Course, DIFFERENCES},
    finding::Findings,
};

/// A count of a scenario that differs between kernels.
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
            Ok(row) => findings.add(file, row.line, "these values do not differ"),
            Err(line) => findings.add(
                file,
                line,
                "this is not a row of lesson, scenario, count and values",
            ),
        }
    }
    for row in &recorded {
        let lesson = course.lessons.iter().find(|it| it.id() == row.lesson);
        let mut reasons = lesson.into_iter().flat_map(|it| &it.file.differences);
        if !reasons.any(|known| row.is_explained_by(known)) {
            let (lesson, scenario, count) = (row.lesson, row.scenario, row.count);
            let what = format!("{lesson} does not say why {count} of {scenario} differs");
            findings.add(file, row.line, what);
        }
    }
    for lesson in &course.lessons {
        for known in &lesson.file.differences {
            let mut of_lesson = recorded.iter().filter(|row| row.lesson == lesson.id());
            if !of_lesson.any(|row| row.is_explained_by(known)) {
                let what = "no recorded difference has this reason";
                lesson.blame(&known.because, what, findings);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check::samples::found_of_course;

    fn found(rows: &str) -> Vec<String> {
        found_of_course(every_difference_has_a_reason, |course| {
            rows.clone_into(&mut course.differences);
        })
    }

    #[test]
    fn differences_and_reasons_without_each_other_are_found() {
        assert_eq!(
            found("lesson-1\ttouch\tfaults\t1\t2\n"),
            Vec::<String>::new()
        );
        let other = found("lesson-1\ttouch\tsyscalls\t1\t2\n");
        assert!(other[0].contains(":1: lesson-1 does not say why syscalls of touch differs"));
        assert!(
            other[1].contains("lesson.toml:28: no recorded difference"),
            "{other:?}"
        );
    }

    #[test]
    fn malformed_rows_and_rows_without_a_difference_are_found() {
        let lines = "lesson-1\ttouch\tfaults\t1\t2\nlesson-1\ttouch\tfaults\t1\tn/a\t1\nx\n";
        let found = found(lines);
        assert!(
            found[0].ends_with(":2: these values do not differ"),
            "{found:?}"
        );
        assert!(found[1].contains(":3: this is not a row"), "{found:?}");
    }
}
