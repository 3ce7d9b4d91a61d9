//! A small course that fits together, and the problems that a check finds after one change to it.

use std::path::PathBuf;

use super::{
    files::{Course, Lesson},
    finding::Findings,
    rules::{Own, Rules},
    text::Text,
};
use crate::course::catalog::Folder;

const RULES: &str = r#"
parts = ["Question", "Predict", "Run", "Look", "Explain", "Further"]
words = [900, 1400]
minutes = [25, 40]
questions = [2, 4]
notes = 2
most_in_a_table = 2
most_in_a_picture = 9

[[lesson]]
id = "lesson-1"
notes = [1, 2]
numbers = [{ words = "gets 77 updates", because = "the scenario defines it" }]
"#;

const TOML: &str = r#"[lesson]
id = "lesson-1"
title = "Touch"
question = "What does a touch cost?"
minutes = 30
size = "4MiB"
[[table]]
title = "Touching"
section = "Look"
scenarios = ["touch"]
rows = ["faults"]
[[scenario]]
name = "null"
about = "nothing"
[[scenario]]
name = "touch"
about = "one load"
[[claim]]
id = "load-faults"
sentence = "A load faults."
section = "Explain"
settles = [1, 2]
basis = "source"
source = "a book"
[[difference]]
counts = ["faults"]
scenarios = ["touch"]
because = "folios"
section = "Detail"
[[prediction]]
id = "touch"
question = "You touch it. How many faults?"
section = "Explain"
scenario = "touch"
right = "Yes."
option = [
    { text = "one", when = "faults == 1", wrong = "No." },
    { text = "none", when = "faults == 0", wrong = "No." },
]
[[prediction]]
id = "calls"
question = "And how many calls?"
section = "Run"
scenario = "touch"
right = "Yes."
option = [
    { text = "one", when = "syscalls == 1", wrong = "No." },
    { text = "none", when = "syscalls == 0", wrong = "No." },
]
[[note]]
claim = 1
says = "a load faults"
verdict = "true"
[[note]]
claim = 2
says = "a load costs"
verdict = "true"
"#;

const TEXT: &str = "# Lesson 1: Touch

## Question

Each page gets 77 updates.

## Predict

1. You touch it.
   How many faults?
2. And how many calls?

## Run

```
cargo xtask run lesson-1
```

The file has 4 MiB.

## Look

## Explain

| way | copies |
A load faults.

### Detail

A [link](main.rs), `mmap`, mmap(2) and ext4.

## Further
";

fn text() -> String {
    format!("{TEXT}\n{}\n", "word ".repeat(900))
}

fn lesson(toml: &str, text: &str) -> Lesson {
    let folder = Folder {
        number: 1,
        path: "lessons/01-sample".into(),
    };
    Lesson::new(folder, toml.to_owned(), text).unwrap()
}

pub(super) fn course() -> Course {
    Course {
        root: PathBuf::from("/nowhere"),
        rules: toml::from_str(RULES).unwrap(),
        lessons: vec![lesson(TOML, &text())],
        readme: Text::new("README.md".into(), ""),
        syllabus: Text::new(
            "lessons/README.md".into(),
            "| [lesson-1](01-sample/README.md) | Touch | 30 | [main.rs](01-sample/main.rs) |\n",
        ),
        manifest: "name = \"lesson-1\"\npath = \"01-sample/main.rs\"\n".to_owned(),
        differences: "# a comment\nlesson-1\ttouch\tfaults\t1\tn/a\t2\n".to_owned(),
    }
}

/// What `check` finds once `from` is `to` in the text or in the file.
pub(super) fn found(check: fn(&Lesson, &mut Findings), from: &str, to: &str) -> Vec<String> {
    let text = text();
    assert!(TOML.contains(from) || text.contains(from), "{from}");
    let mut findings = Findings::default();
    let lesson = lesson(&TOML.replace(from, to), &text.replace(from, to));
    check(&lesson, &mut findings);
    findings.list().iter().map(ToString::to_string).collect()
}

/// The same for a check that binds only listed lessons.
pub(super) fn found_of_own(
    check: fn(&Lesson, &Own, &Rules, &mut Findings),
    from: &str,
    to: &str,
) -> Vec<String> {
    let text = text();
    assert!(TOML.contains(from) || text.contains(from), "{from}");
    let mut findings = Findings::default();
    let lesson = lesson(&TOML.replace(from, to), &text.replace(from, to));
    let rules = course().rules;
    check(&lesson, &rules.lessons[0], &rules, &mut findings);
    findings.list().iter().map(ToString::to_string).collect()
}

/// What a check of the whole course finds after `change`.
pub(super) fn found_of_course(
    check: fn(&Course, &mut Findings),
    change: impl FnOnce(&mut Course),
) -> Vec<String> {
    let mut findings = Findings::default();
    let mut course = course();
    change(&mut course);
    check(&course, &mut findings);
    findings.list().iter().map(ToString::to_string).collect()
}
