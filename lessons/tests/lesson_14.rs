//! Lesson 14 as a program, and its store under 200 kills and more.

#[allow(
    dead_code,
    unused_imports,
    reason = "a lesson looks at its store in ways that a test does not"
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
