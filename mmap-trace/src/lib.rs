//! The tracer as a library, in the order in which data flows:
//! `count` fills a [`record::Recording`], `course` judges it, `weave` sets it into the lesson's text,
//! `render` draws it.
//!
//! Invariants:
//! - `count` is the only module that knows aya, tokio or a kernel; without the feature of that name,
//!   the library reads, judges and draws saved Recordings on any machine;
//! - everything to the right of the Recording is a pure function of plain values;
//! - no two files depend on each other, directly or through others, except a module and its children;
//! - only `commands` prints results and only `main` formats an error; while a program is traced, `session`
//!   draws its progress and prints the kernel log, on standard error;
//! - no code asks for a kernel version, except to learn whether programs at tracepoints can be
//!   preempted (`count/kernel/facts.rs`), which no type in BTF shows;
//! - expected numbers are only in `lesson.toml`.

#[cfg(test)]
mod golden;

pub mod text;

// What is counted.
pub mod metrics;

// The waist: what `count` fills, and everything else reads.
pub mod record;

pub mod diagnosis;

#[cfg(feature = "count")]
#[allow(
    missing_docs,
    reason = "internal: only record, metrics and the vocabularies are documented item by item"
)]
pub mod count;

pub mod course;

pub mod weave;

#[allow(
    missing_docs,
    reason = "internal: only record, metrics and the vocabularies are documented item by item"
)]
pub mod render;

pub mod cli;

pub mod completions;

#[cfg(feature = "count")]
#[allow(
    missing_docs,
    reason = "internal: only record, metrics and the vocabularies are documented item by item"
)]
pub mod commands;
