//! A small lesson and a Recording of it, for tests.

use mmap_trace_ebpf::session::PERTURBED;

use crate::{
    course::expression::{
        measure::Measure,
        scope::{Observation, Scope},
        tree::Expectation,
    },
    record::{Count, Observed, Recording, ScenarioRecord},
};

/// Text of a small `lesson.toml`.
pub(crate) const LESSON: &str = r#"
[lesson]
id = "lesson-3"
title = "Who copies my bytes?"
question = "How often does the CPU move a byte before my program can look at it?"
minutes = 35
size = "64MiB"
file_systems = ["ext4"]

[[table]]
title = "Reading a warm file"
section = "Look"
scenarios = ["read-4k", "mmap-load"]
rows = ["copied_to_user_bytes", "faults", "syscalls", "block_read_bytes"]

[[scenario]]
name = "read-4k"
about = "read(2) into one 4 KiB buffer"

[[scenario]]
name = "mmap-load"
about = "loads from a shared mapping"

[[claim]]
id = "read-copies-every-byte"
sentence = "read(2) copies every byte of a file that is already in memory."
settles = [2, 12]
basis = "counted"
grade = "inferred"
section = "Explain"
[[claim.check]]
scenarios = ["read-4k"]
expect = "copied_to_user_bytes == work.bytes"
needs = ["observed.resident_pages_before == work.bytes / machine.page_bytes"]

[[claim]]
id = "load-copies-nothing"
sentence = "A load through a mapping copies nothing."
basis = "counted"
section = "Look"
[[claim.check]]
scenarios = ["mmap-load"]
expect = "copied_to_user_bytes == 0"

[[claim]]
id = "from-a-book"
sentence = "Somebody measured this elsewhere."
basis = "source"
source = "a book"
section = "Further"

[[note]]
claim = 2
says = "mmap saves a copy"
verdict = "conditional"
right = "one copy"
"#;

/// The text of the small lesson. The sentence of its first claim is broken, that of its last is missing.
pub(crate) const TEXT: &str = "\
# Lesson 3: Who copies my bytes?

## Predict

1. How much is copied?

## Look

Begin with the table.
A load through a mapping copies nothing.
So it *costs* `nothing`.

## Explain

This much is certain: read(2) copies every byte of a file
that is already in memory.
See [mmap(2)](https://man7.org/mmap.html) and [lesson 4](../04-small-files/README.md).

```
disk ===> cache <script>
```

| way | copies |
|---|---|
| `read` | 1 |

## Further

- a book
";

/// The names of the small lesson, and of one scenario that no Recording has.
fn scope() -> Scope {
    let scenarios = ["read-4k", "mmap-load", "read-8k"].map(str::to_owned);
    let observation = |name: &str| {
        let observation = Observation {
            about: "Something.".to_owned(),
            unit: Measure::told_by(name),
            by: Vec::new(),
        };
        (name.to_owned(), observation)
    };
    Scope::new(scenarios.into(), ["sum", "pss"].map(observation).into())
}

/// Reads an expectation about the small lesson.
pub(crate) fn expectation(text: &str) -> Expectation {
    Expectation::parse(text, &scope()).unwrap_or_else(|error| panic!("{error}"))
}

/// Questions of the small lesson.
pub(crate) const PREDICTIONS: &str = r#"
[[prediction]]
id = "calls"
question = "How many calls?"
section = "Look"
scenario = "read-4k"
right = "Right."
[prediction.number]
answer = "syscalls"
unit = "calls"
[[prediction.number.wrong]]
equals = "work.bytes"
says = "Those are the bytes."
[[prediction.number.wrong]]
is = "too-small"
factor = 10
says = "Far too small."
[[prediction.number.wrong]]
is = "too-small"
says = "Too small."
[[prediction.number.wrong]]
is = "too-big"
says = "Too big."

[[prediction]]
id = "bytes"
question = "How many bytes?"
section = "Look"
scenario = "read-4k"
right = "Right."
[prediction.number]
answer = "work.bytes"
unit = "bytes"
within_percent = 10
[[prediction.number.wrong]]
is = "too-small"
says = "Too small."
[[prediction.number.wrong]]
is = "too-big"
says = "Too big."

[[prediction]]
id = "copies"
question = "How much is copied?"
section = "Look"
scenario = "mmap-load"
right = "Right."
[[prediction.option]]
text = "nothing"
when = "copied_to_user_bytes == 0"
wrong = "Something was copied."
[[prediction.option]]
text = "all of it"
when = ["copied_to_user_bytes > 0", "copied_to_user_bytes == work.bytes"]
wrong = "A load copies nothing."
"#;

/// Recordings as files: of the small lesson; of a run that was killed, with losses, rounds that
/// differ and metrics that are not counted; and of a command.
pub(crate) const RECORDINGS: [&str; 3] = [
    include_str!("../../tests/fixtures/recordings/small.json"),
    include_str!("../../tests/fixtures/recordings/incomplete.json"),
    include_str!("../../tests/fixtures/recordings/exec.json"),
];

/// The Recording of the small lesson.
pub(crate) fn recording() -> Recording {
    numbered(0)
}

/// One of [`RECORDINGS`].
pub(crate) fn numbered(number: usize) -> Recording {
    serde_json::from_str(RECORDINGS[number]).expect("the fixture is a recording")
}

/// A scenario of a Recording.
pub(crate) fn scenario<'a>(recording: &'a mut Recording, name: &str) -> &'a mut ScenarioRecord {
    recording
        .scenarios
        .iter_mut()
        .find(|scenario| scenario.name == name)
        .expect("the fixture has this scenario")
}

/// A count of a scenario.
pub(crate) fn count<'a>(recording: &'a mut Recording, name: &str, key: &str) -> &'a mut Count {
    scenario(recording, name)
        .counts
        .entry(key.to_owned())
        .or_default()
}

/// Makes it look as if all four attempts at a scenario had been perturbed.
pub(crate) fn perturb(recording: &mut Recording, name: &str) {
    let perturbed = Observed {
        value: Some(4),
        ..Observed::default()
    };
    let observed = &mut scenario(recording, name).observed;
    observed.insert(PERTURBED.to_owned(), perturbed);
}
