//! Lesson 14 as a program, and its store after kills and power cuts.

#[allow(
    dead_code,
    unused_imports,
    reason = "the lesson uses parts of its store that these tests do not"
)]
#[path = "../14-mongodb-mmapv1/store/mod.rs"]
mod store;

mod common;
#[path = "lesson_14/history.rs"]
mod history;
#[path = "lesson_14/kills.rs"]
mod kills;
#[path = "lesson_14/power.rs"]
mod power;
#[path = "lesson_14/program.rs"]
mod program;
