//! The lists that name the lessons: one for readers, one for cargo.

use std::path::Path;

use super::{
    files::{Course, Lesson},
    finding::Findings,
    text::LineKind,
};

pub(super) fn numbers_have_no_gap(course: &Course, findings: &mut Findings) {
    for (lesson, expected) in course.lessons.iter().zip(1..) {
        if lesson.folder.number != expected {
            let what = format!("this is folder number {expected} of the course");
            lesson.blame(lesson.id(), what, findings);
        }
    }
}

pub(super) fn table_names_every_lesson(course: &Course, findings: &mut Findings) {
    let rows = course.syllabus.of_kind(LineKind::Row);
    let mut rows = rows.filter(|line| line.text.starts_with("| [lesson-"));
    let path = &course.syllabus.path;
    for lesson in &course.lessons {
        let expected = row(lesson);
        match rows.next() {
            Some(line) if line.text == expected => {}
            Some(line) => findings.add(path, line.number, format!("this row is not: {expected}")),
            None => findings.add(path, 1, format!("the table lacks: {expected}")),
        }
    }
    for line in rows {
        findings.add(path, line.number, "no folder belongs to this row");
    }
}

fn row(lesson: &Lesson) -> String {
    let (name, id, header) = (lesson.folder.name(), lesson.id(), &lesson.file.lesson);
    let (title, minutes) = (&header.title, header.minutes);
    format!("| [{id}]({name}/README.md) | {title} | {minutes} | [main.rs]({name}/main.rs) |")
}

pub(super) fn manifest_names_every_program(course: &Course, findings: &mut Findings) {
    for lesson in &course.lessons {
        let (number, name) = (lesson.folder.number, lesson.folder.name());
        let binary = format!("name = \"lesson-{number}\"\npath = \"{name}/main.rs\"");
        if !course.manifest.contains(&binary) {
            let what = format!("no [[bin]] has: {}", binary.replace('\n', ", "));
            findings.add(Path::new("lessons/Cargo.toml"), 1, what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check::{samples::found_of_course, text::Text};

    #[test]
    fn missing_wrong_and_superfluous_rows_are_found() {
        let with = |change: fn(&str) -> String| {
            found_of_course(table_names_every_lesson, |course| {
                let row = course.syllabus.lines[0].text.clone();
                course.syllabus = Text::new("lessons/README.md".into(), &change(&row));
            })
        };
        assert_eq!(with(str::to_owned), Vec::<String>::new());
        assert!(with(|_| String::new())[0].contains(":1: the table lacks: | [lesson-1]"));
        assert!(with(|row| row.replace("30", "35"))[0].contains(":1: this row is not: "));
        let twice = with(|row| format!("{row}\n{row}"));
        assert_eq!(
            twice,
            ["lessons/README.md:2: no folder belongs to this row"]
        );
    }

    #[test]
    fn a_gap_and_a_lesson_without_a_program_are_found() {
        let gap = found_of_course(numbers_have_no_gap, |it| it.lessons[0].folder.number = 2);
        assert!(gap[0].contains("folder number 1"), "{gap:?}");
        let none = found_of_course(manifest_names_every_program, |it| it.manifest.clear());
        assert!(
            none[0].contains("no [[bin]] has: name = \"lesson-1\""),
            "{none:?}"
        );
    }
}
