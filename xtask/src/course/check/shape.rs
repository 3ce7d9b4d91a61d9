//! The shape that every lesson's text has.

use super::{
    files::Folder,
    finding::Findings,
    text::{Kind, Line},
};

/// The parts of a text, in order.
const PARTS: [&str; 10] = [
    "Question",
    "What you need",
    "Predict",
    "Run",
    "Look",
    "Explain",
    "Change one thing",
    "Where the model breaks",
    "Check",
    "Further",
];

/// What a student reads in one sitting.
const WORDS: std::ops::RangeInclusive<usize> = 900..=1400;

/// And how long it takes with the runs.
const MINUTES: std::ops::RangeInclusive<u32> = 25..=40;

/// Columns that stand side by side in 80 characters.
const COLUMNS: std::ops::RangeInclusive<usize> = 1..=4;

pub(super) fn heading_names_the_lesson(folder: &Folder, findings: &mut Findings) {
    let header = &folder.file.lesson;
    let id = format!("lesson-{}", folder.number);
    if *header.id.get_ref() != id {
        let what = format!("id is {:?}, the folder's is {id:?}", header.id.get_ref());
        folder.blame(&header.id, what, findings);
    }
    let minutes = header.minutes.get_ref();
    if !MINUTES.contains(minutes) {
        let what = format!("{minutes} minutes are not {MINUTES:?}");
        folder.blame(&header.minutes, what, findings);
    }
    let title = format!("# Lesson {}: {}", folder.number, header.title);
    if folder.text.lines.first().map(|line| &*line.text) != Some(&*title) {
        let what = format!("the text does not begin with: {title}");
        findings.add(&folder.text.path, 1, what);
    }
    let command = format!("cargo xtask run {id}");
    let mut code = folder.text.of_kind(Kind::Code);
    if !code.any(|line| line.text.trim() == command) {
        let what = format!("no code block has the line: {command}");
        findings.add(&folder.text.path, 1, what);
    }
}

pub(super) fn parts_stand_in_order(folder: &Folder, findings: &mut Findings) {
    let path = &folder.text.path;
    let mut expected = PARTS.iter();
    for line in folder.text.of_kind(Kind::Heading) {
        let Some(part) = line.text.strip_prefix("## ") else {
            continue;
        };
        let next = expected.next();
        if next != Some(&part) {
            let place = next.map_or_else(String::new, |next| format!(" where {next} belongs"));
            findings.add(path, line.number, format!("part {part}{place}"));
            return;
        }
    }
    if let Some(missing) = expected.next() {
        findings.add(path, 1, format!("there is no part {missing}"));
    }
    let headings: Vec<&str> = folder.text.lines.iter().filter_map(Line::heading).collect();
    for line in folder.text.of_kind(Kind::Heading) {
        let same = headings.iter().filter(|it| Some(**it) == line.heading());
        if same.count() > 1 {
            findings.add(path, line.number, "this heading stands twice");
        }
    }
}

pub(super) fn words_are_enough_and_not_too_many(folder: &Folder, findings: &mut Findings) {
    let read = folder.text.lines.iter();
    let read = read.filter(|line| matches!(line.kind, Kind::Prose | Kind::Heading));
    let words = read.flat_map(|line| line.text.split_whitespace()).count();
    if !WORDS.contains(&words) {
        let what = format!("{words} words are not {WORDS:?}");
        findings.add(&folder.text.path, 1, what);
    }
}

pub(super) fn lines_hold_one_sentence(folder: &Folder, findings: &mut Findings) {
    for line in folder.text.of_kind(Kind::Prose) {
        if has_two_sentences(&line.text) {
            findings.add(&folder.text.path, line.number, "two sentences in one line");
        }
    }
}

/// A full stop that is followed by a capital letter inside the line; a list's number is none.
fn has_two_sentences(line: &str) -> bool {
    let text = line.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let ends = text.match_indices(['.', '?', '!', '†']);
    ends.filter_map(|(at, end)| text[at + end.len()..].strip_prefix(' '))
        .any(|rest| rest.starts_with(char::is_uppercase))
}

pub(super) fn tables_fit_a_terminal(folder: &Folder, findings: &mut Findings) {
    for table in &folder.file.tables {
        let columns = table.scenarios.len();
        if !COLUMNS.contains(&columns) {
            let what = format!("{columns} columns are not {COLUMNS:?}");
            folder.blame(&table.title, what, findings);
        }
        if table.rows.is_empty() {
            folder.blame(&table.title, "this table has no row".to_owned(), findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check::samples::told;

    #[test]
    fn a_text_of_another_shape_is_told_with_its_line() {
        let parts = told(parts_stand_in_order, "## Look", "## Watch");
        assert_eq!(
            parts,
            ["lessons/01-sample/README.md:21: part Watch where Look belongs"]
        );
        let twice = told(parts_stand_in_order, "### Detail", "### Explain");
        assert_eq!(twice.len(), 2, "{twice:?}");
        let two = told(
            lines_hold_one_sentence,
            "A load faults.",
            "A load faults. So it is.",
        );
        assert_eq!(
            two,
            ["lessons/01-sample/README.md:26: two sentences in one line"]
        );
        let short = told(words_are_enough_and_not_too_many, "word ", "");
        assert!(short[0].contains("words are not 900..=1400"), "{short:?}");
    }

    #[test]
    fn a_header_that_is_not_the_folders_is_told_with_its_line() {
        for (from, to, what) in [
            (
                "lesson-1\"",
                "lesson-2\"",
                "lesson.toml:2: id is \"lesson-2\"",
            ),
            ("= 30", "= 90", "lesson.toml:4: 90 minutes are not 25..=40"),
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
            let told = told(heading_names_the_lesson, from, to);
            assert!(told.len() == 1 && told[0].contains(what), "{told:?}");
        }
        let wide = "[\"a\", \"b\", \"c\", \"d\", \"e\"]";
        let told = told(
            tables_fit_a_terminal,
            "[\"touch\"]\nrows",
            &format!("{wide}\nrows"),
        );
        assert!(told[0].contains("5 columns are not 1..=4"), "{told:?}");
    }
}
