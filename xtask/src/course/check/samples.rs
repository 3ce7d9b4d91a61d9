//! A small lesson that fits together, and what is told when one thing of it is changed.

use std::{fmt::Write as _, path::PathBuf};

use super::{
    files::{Course, Folder},
    finding::Findings,
    text::Text,
};

const TOML: &str = r#"[lesson]
id = "lesson-1"
title = "Touch"
minutes = 30
size = "4MiB"

[[table]]
title = "Touching"
scenarios = ["touch"]
rows = ["faults"]

[[scenario]]
name = "null"

[[scenario]]
name = "touch"

[[claim]]
sentence = "A load faults."
section = "Explain"
settles = [1, 6, 8, 9, 11, 14, 16, 39]

[[difference]]
counts = ["faults"]
scenarios = ["touch"]
because = "folios"
section = "Detail"

[[prediction]]
question = "You touch it. How many faults?"
section = "Explain"

[[prediction]]
question = "And how many calls?"
section = "Run"
"#;

const TEXT: &str = "# Lesson 1: Touch

## Question

## What you need

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

## Change one thing

## Where the model breaks

## Check

## Further
";

fn toml() -> String {
    let mut toml = TOML.to_owned();
    for claim in [1, 6, 8, 9, 11, 14, 16, 39] {
        let _ = write!(toml, "\n[[note]]\nclaim = {claim}\n");
    }
    toml
}

fn text() -> String {
    format!("{TEXT}\n{}\n", "word ".repeat(900))
}

/// A course of one lesson.
pub(super) fn course() -> Course {
    Course {
        root: PathBuf::from("/nowhere"),
        lessons: vec![Folder::new(1, "01-sample", toml(), &text()).unwrap()],
        readme: Text::new("README.md".into(), ""),
        syllabus: Text::new(
            "lessons/README.md".into(),
            "| [lesson-1](01-sample/README.md) | Touch | 30 | [main.rs](01-sample/main.rs) |\n",
        ),
        manifest: "name = \"lesson-1\"\npath = \"01-sample/main.rs\"\n".to_owned(),
        differences: "# a comment\nlesson-1\ttouch\tfaults\t1\tn/a\t2\n".to_owned(),
    }
}

/// What a check says once `from` is `to`, in the text or in the file.
pub(super) fn told(check: fn(&Folder, &mut Findings), from: &str, to: &str) -> Vec<String> {
    assert!(toml().contains(from) || text().contains(from), "{from}");
    let mut findings = Findings::default();
    let (toml, text) = (toml().replace(from, to), text().replace(from, to));
    check(
        &Folder::new(1, "01-sample", toml, &text).unwrap(),
        &mut findings,
    );
    findings.list().iter().map(ToString::to_string).collect()
}

/// The same of a check of the whole course.
pub(super) fn told_of(
    check: fn(&Course, &mut Findings),
    change: impl FnOnce(&mut Course),
) -> Vec<String> {
    let mut findings = Findings::default();
    let mut course = course();
    change(&mut course);
    check(&course, &mut findings);
    findings.list().iter().map(ToString::to_string).collect()
}
