//! The shape of a lesson's text and tables.

use super::{
    files::Lesson,
    finding::Findings,
    rules::{Own, Rules},
    text::{Line, LineKind},
};

/// Columns that fit side by side into 80 characters.
const COLUMNS: std::ops::RangeInclusive<usize> = 1..=4;

pub(super) fn id_is_that_of_the_folder(lesson: &Lesson, findings: &mut Findings) {
    let id = format!("lesson-{}", lesson.folder.number);
    if lesson.id() != id {
        let what = format!("id is {:?}, and the folder's is {id:?}", lesson.id());
        lesson.blame(lesson.id(), what, findings);
    }
}

pub(super) fn lines_hold_one_sentence(lesson: &Lesson, findings: &mut Findings) {
    for line in lesson.text.of_kind(LineKind::Prose) {
        if has_two_sentences(&line.text) {
            let what = "this line has two sentences";
            findings.add(&lesson.text.path, line.number, what);
        }
    }
}

/// Whether a sentence ends inside the line and another begins; the number of a list item ends none.
fn has_two_sentences(line: &str) -> bool {
    let text = line.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let ends = text.match_indices(['.', '?', '!', '†']);
    ends.filter_map(|(at, end)| text[at + end.len()..].strip_prefix(' '))
        .any(|rest| rest.starts_with(char::is_uppercase))
}

pub(super) fn tables_fit_a_terminal(lesson: &Lesson, findings: &mut Findings) {
    for table in &lesson.file.tables {
        let columns = table.scenarios.len();
        if !COLUMNS.contains(&columns) {
            let what = format!("{columns} columns, and {COLUMNS:?} fit a terminal");
            lesson.blame(&table.title, what, findings);
        }
        if table.rows.is_empty() {
            lesson.blame(&table.title, "this table has no row", findings);
        }
    }
}

pub(super) fn heading_names_the_lesson(
    lesson: &Lesson,
    _: &Own,
    _: &Rules,
    findings: &mut Findings,
) {
    let (number, title) = (lesson.folder.number, &lesson.file.lesson.title);
    let heading = format!("# Lesson {number}: {title}");
    if lesson.text.lines.first().map(|line| &*line.text) != Some(&*heading) {
        let what = format!("the text does not begin with: {heading}");
        findings.add(&lesson.text.path, 1, what);
    }
    let command = format!("cargo xtask run {}", lesson.id());
    let mut code = lesson.text.of_kind(LineKind::Code);
    if !code.any(|line| line.text.trim() == command) {
        let what = format!("no code block has the line: {command}");
        findings.add(&lesson.text.path, 1, what);
    }
}

pub(super) fn parts_stand_in_order(
    lesson: &Lesson,
    _: &Own,
    rules: &Rules,
    findings: &mut Findings,
) {
    let path = &lesson.text.path;
    let mut expected = rules.parts.iter();
    for line in lesson.text.of_kind(LineKind::Heading) {
        let Some(part) = line.text.strip_prefix("## ") else {
            continue;
        };
        let next = expected.next();
        if next.map(String::as_str) != Some(part) {
            let place = next.map_or_else(String::new, |next| format!(" where {next} belongs"));
            findings.add(path, line.number, format!("part {part}{place}"));
            return;
        }
    }
    if let Some(missing) = expected.next() {
        findings.add(path, 1, format!("there is no part {missing}"));
    }
    let headings: Vec<&str> = lesson.text.lines.iter().filter_map(Line::heading).collect();
    for line in lesson.text.of_kind(LineKind::Heading) {
        let same = headings.iter().filter(|it| Some(**it) == line.heading());
        if same.count() > 1 {
            findings.add(path, line.number, "this heading occurs twice");
        }
    }
}

pub(super) fn lengths_are_within_bounds(
    lesson: &Lesson,
    _: &Own,
    rules: &Rules,
    findings: &mut Findings,
) {
    let minutes = lesson.file.lesson.minutes;
    if !rules.minutes().contains(&(minutes as usize)) {
        let what = format!("{minutes} minutes, and {:?} are wanted", rules.minutes());
        lesson.blame("minutes = ", what, findings);
    }
    let read = lesson.text.lines.iter();
    let read = read.filter(|line| matches!(line.kind, LineKind::Prose | LineKind::Heading));
    let words = read.flat_map(|line| line.text.split_whitespace()).count();
    if !rules.words().contains(&words) {
        let what = format!("{words} words, and {:?} are wanted", rules.words());
        findings.add(&lesson.text.path, 1, what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check::samples::{found, found_of_own};

    #[test]
    fn a_text_of_another_shape_is_found_with_its_line() {
        let parts = found_of_own(parts_stand_in_order, "## Look", "## Watch");
        let what = "lessons/01-sample/README.md:21: part Watch where Look belongs";
        assert_eq!(parts, [what]);
        let twice = found_of_own(parts_stand_in_order, "### Detail", "### Explain");
        assert_eq!(twice.len(), 2, "{twice:?}");
        let two = found(
            lines_hold_one_sentence,
            "A load faults.",
            "A load faults. So it is.",
        );
        let what = "lessons/01-sample/README.md:26: this line has two sentences";
        assert_eq!(two, [what]);
        let short = found_of_own(lengths_are_within_bounds, "word ", "");
        assert!(
            short[0].contains("words, and 900..=1400 are wanted"),
            "{short:?}"
        );
    }

    #[test]
    fn headers_that_do_not_fit_the_folder_are_found_with_their_line() {
        let id = found(id_is_that_of_the_folder, "lesson-1\"", "lesson-2\"");
        assert!(
            id[0].contains("lesson.toml:2: id is \"lesson-2\""),
            "{id:?}"
        );
        let minutes = found_of_own(lengths_are_within_bounds, "= 30", "= 90");
        assert!(
            minutes[0].contains("lesson.toml:5: 90 minutes"),
            "{minutes:?}"
        );
        for (from, to, what) in [
            (
                "# Lesson 1",
                "# Lesson 2",
                "README.md:1: the text does not begin",
            ),
            (
                "run lesson-1",
                "run lesson-7",
                "README.md:1: no code block has",
            ),
        ] {
            let found = found_of_own(heading_names_the_lesson, from, to);
            assert!(found.len() == 1 && found[0].contains(what), "{found:?}");
        }
    }

    #[test]
    fn a_table_without_rows_is_found() {
        let found = found(tables_fit_a_terminal, "rows = [\"faults\"]", "rows = []");
        assert!(found[0].contains(":8: this table has no row"), "{found:?}");
    }
}
