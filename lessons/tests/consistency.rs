//! Text, program and claims of every lesson say the same.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use common::fail;
use common::lesson_file::{Basis, Folder, NoteVerdict, folders, package};

/// Claims of the notes, by the lesson that owns them.
const OWNED: [(u32, &[u32]); 14] = [
    (1, &[1, 6, 8, 9, 11, 14, 16, 39]),
    (2, &[29, 32, 33, 34, 38]),
    (3, &[2, 3, 4, 12, 15, 17, 18, 26, 27, 28, 40]),
    (4, &[19]),
    (5, &[13]),
    (6, &[20, 21]),
    (7, &[22]),
    (8, &[7, 10, 24, 25]),
    (9, &[23, 41]),
    (10, &[30, 31, 35, 37]),
    (11, &[42]),
    (12, &[5]),
    (13, &[36, 43, 44]),
    (14, &[36]),
];

/// The shape of every text.
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

fn program(folder: &Folder) -> Command {
    // All programs of the package stand in one directory.
    let neighbour = Path::new(env!("CARGO_BIN_EXE_lesson-3"));
    Command::new(neighbour.with_file_name(&folder.file.lesson.id))
}

#[test]
fn folder_binary_and_id_agree() {
    let manifest = std::fs::read_to_string(package().join("Cargo.toml")).expect("readable");
    for folder in folders() {
        let id = format!("lesson-{}", folder.number());
        assert_eq!(folder.file.lesson.id, id, "{}", folder.name);
        let binary = format!("name = \"{id}\"\npath = \"{}/main.rs\"", folder.name);
        assert!(manifest.contains(&binary), "Cargo.toml lacks {binary}");
        let title = format!(
            "# Lesson {}: {}\n",
            folder.number(),
            folder.file.lesson.title
        );
        assert!(
            folder.text.starts_with(&title),
            "{} does not begin with {title}",
            folder.name
        );
        assert!((25..=40).contains(&folder.file.lesson.minutes), "{id}");
        assert!(!folder.file.lesson.question.is_empty(), "{id}");
        assert!(!folder.file.lesson.file_systems.is_empty(), "{id}");
    }
}

#[test]
fn the_syllabus_names_every_lesson() {
    let syllabus = std::fs::read_to_string(package().join("README.md")).expect("readable");
    let rows = syllabus
        .lines()
        .filter(|line| line.starts_with("| [lesson-"));
    let expected: Vec<String> = folders().iter().map(syllabus_row).collect();
    assert_eq!(rows.collect::<Vec<_>>(), expected);
}

fn syllabus_row(folder: &Folder) -> String {
    let (name, header) = (&folder.name, &folder.file.lesson);
    let (id, title, minutes) = (&header.id, &header.title, header.minutes);
    format!("| [{id}]({name}/README.md) | {title} | {minutes} | [main.rs]({name}/main.rs) |")
}

#[test]
fn the_program_has_the_scenarios_and_the_size_of_the_file() {
    for folder in folders() {
        let told = fail(program(&folder).args(["--only", "no-such-scenario"]), 2);
        let (_, names) = told.trim().split_once("this lesson has: ").expect(&told);
        let listed: Vec<&str> = folder
            .file
            .scenarios
            .iter()
            .map(|entry| &*entry.name)
            .collect();
        assert_eq!(
            names.split(", ").collect::<Vec<_>>(),
            listed,
            "{}",
            folder.name
        );
        assert_eq!(
            folder.scenario_names().len(),
            listed.len(),
            "{}: twice",
            folder.name
        );
        assert!(
            folder
                .file
                .scenarios
                .iter()
                .all(|entry| !entry.about.is_empty())
        );

        let help = program(&folder)
            .arg("--help")
            .output()
            .expect("it starts")
            .stdout;
        let size = format!("[default: {}]", folder.file.lesson.size);
        assert!(
            String::from_utf8_lossy(&help).contains(&size),
            "{}: {size}",
            folder.name
        );
    }
}

#[test]
fn tables_fit_a_terminal_and_name_scenarios() {
    for folder in folders() {
        let known = folder.scenario_names();
        for table in &folder.file.tables {
            assert!((1..=4).contains(&table.scenarios.len()), "{}", table.title);
            assert!(!table.rows.is_empty(), "{}", table.title);
            for name in &table.scenarios {
                assert!(known.contains(&**name), "{}: {name}", table.title);
            }
        }
    }
}

#[test]
fn every_claim_stands_word_for_word_in_its_section() {
    for folder in folders() {
        let sections = sections(&folder.text);
        let mut ids = BTreeSet::new();
        for claim in &folder.file.claims {
            assert!(ids.insert(&claim.id), "{} twice", claim.id);
            let section = sections.get(&*claim.section);
            let lines = section.unwrap_or_else(|| panic!("no heading {}", claim.section));
            assert!(
                lines.iter().any(|line| line == &claim.sentence),
                "{} / {} has no line: {}",
                folder.name,
                claim.section,
                claim.sentence
            );
        }
    }
}

#[test]
fn the_text_asks_what_the_run_asks_word_for_word() {
    for folder in folders() {
        let sections = sections(&folder.text);
        let asked: Vec<&str> = folder
            .file
            .predictions
            .iter()
            .map(|prediction| &*prediction.question)
            .collect();
        assert!((2..=4).contains(&asked.len()), "{}", folder.name);
        assert_eq!(questions(&sections["Predict"]), asked, "{}", folder.name);
        for prediction in &folder.file.predictions {
            assert!(
                sections.contains_key(&*prediction.section),
                "{}: {} points at no heading: {}",
                folder.name,
                prediction.id,
                prediction.section
            );
        }
    }
}

/// The numbered items of a list, each in one line.
fn questions(lines: &[&str]) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for line in lines {
        let number = format!("{}. ", items.len() + 1);
        match (
            line.strip_prefix(&number),
            line.strip_prefix("   "),
            items.last_mut(),
        ) {
            (Some(first), _, _) => items.push(first.to_owned()),
            (None, Some(more), Some(item)) => {
                item.push(' ');
                item.push_str(more);
            }
            _ => {}
        }
    }
    items
}

#[test]
fn every_reason_for_a_difference_points_at_a_section() {
    for folder in folders() {
        let sections = sections(&folder.text);
        for difference in &folder.file.differences {
            assert!(
                sections.contains_key(&*difference.section),
                "{}: no heading {}",
                folder.name,
                difference.section
            );
        }
    }
}

#[test]
fn every_claim_can_be_decided() {
    for folder in folders() {
        let known = folder.scenario_names();
        for claim in &folder.file.claims {
            let is_source = claim.basis == Basis::Source;
            assert_eq!(is_source, claim.source.is_some(), "{}", claim.id);
            assert_eq!(is_source, claim.checks.is_empty(), "{}", claim.id);
            for check in &claim.checks {
                assert!(!check.scenarios.is_empty(), "{}", claim.id);
                let named = check.scenarios.iter().map(String::as_str);
                let asked = std::iter::once(&check.expect).chain(&check.needs);
                for name in named.chain(asked.flat_map(|text| scenarios_in(text))) {
                    assert!(known.contains(name), "{}: {name}", claim.id);
                }
            }
        }
    }
}

/// `mmap-load` of `faults == mmap-load:faults`.
fn scenarios_in(expression: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_-.:".contains(letter);
    let words = expression.split(move |letter| !is_part(letter));
    words.filter_map(|word| word.split_once(':').map(|(scenario, _)| scenario))
}

#[test]
fn every_owned_claim_of_the_notes_is_judged_and_settled() {
    for folder in folders() {
        let owned = OWNED.iter().find(|(number, _)| *number == folder.number());
        let (_, owned) = owned.expect("the lesson stands in OWNED");
        let notes: Vec<u32> = folder.file.notes.iter().map(|note| note.claim).collect();
        assert_eq!(&notes, owned, "{}", folder.name);
        let settled: BTreeSet<u32> = folder
            .file
            .claims
            .iter()
            .flat_map(|claim| claim.settles.clone())
            .collect();
        for note in &folder.file.notes {
            assert!(
                settled.contains(&note.claim),
                "{}: nothing settles {}",
                folder.name,
                note.claim
            );
            assert!(!note.says.is_empty());
            assert!(
                note.verdict == NoteVerdict::True || note.right.is_some(),
                "{}",
                note.claim
            );
        }
    }
}

#[test]
fn every_text_has_the_same_shape() {
    for folder in folders() {
        let parts: Vec<&str> = folder
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        assert_eq!(parts, PARTS, "{}", folder.name);
        let command = format!("cargo xtask run {}", folder.file.lesson.id);
        assert!(folder.text.contains(&command), "{}", folder.name);
        let prose = prose(&folder.text);
        let words = prose
            .iter()
            .flat_map(|line| line.split_whitespace())
            .count();
        assert!(
            (900..=1400).contains(&words),
            "{}: {words} words",
            folder.name
        );
        for line in prose {
            assert!(
                !has_two_sentences(line),
                "{}: two sentences: {line}",
                folder.name
            );
        }
    }
}

/// Lines outside code blocks and tables.
fn prose(text: &str) -> Vec<&str> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if !is_code && !line.starts_with('|') {
            lines.push(line);
        }
    }
    lines
}

/// A full stop that is followed by a capital letter inside the line; a list's number is none.
fn has_two_sentences(line: &str) -> bool {
    let text = line.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let ends = text.match_indices(['.', '?', '!', '†']);
    ends.filter_map(|(at, end)| text[at + end.len()..].strip_prefix(' '))
        .any(|rest| rest.starts_with(|letter: char| letter.is_uppercase()))
}

/// Heading → lines up to the next heading of any level.
fn sections(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut sections: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut current = "";
    for line in prose(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() < line.len() && heading.starts_with(' ') {
            current = heading.trim_start();
            assert!(!sections.contains_key(current), "two headings {current}");
            sections.insert(current, Vec::new());
        } else if let Some(lines) = sections.get_mut(current) {
            lines.push(line);
        }
    }
    sections
}
