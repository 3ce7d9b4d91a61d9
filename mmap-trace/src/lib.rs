//! The tracer as a library, in the order in which data flow:
//! `count` → [`record::Recording`] → `course` (judge) → `render`.
//!
//! Invariants:
//! - everything left of the Recording stands in `count`, the only module that knows aya, tokio or a
//!   kernel; without the feature of that name the library reads, judges and draws saved Recordings;
//! - everything right of the Recording is a pure function of plain values;
//! - only `commands` prints, only `main` formats an error;
//! - nothing asks for a kernel version, and no expected number stands outside a `lesson.toml`.

pub mod cli;
#[cfg(feature = "count")]
pub mod commands;
#[cfg(feature = "count")]
pub mod count;
pub mod course;
pub mod diagnosis;
pub mod metrics;
pub mod record;
pub mod render;
pub mod text;
