//! The tracer, in the order in which data flow:
//! kernel programs → `snapshot` → `aggregate` → `record::Recording` → `checks` → `render`.
//!
//! Invariants:
//! - only `kernel` reads /proc, /sys and BTF for facts (`doctor` reads them to tell people); only `snapshot` reads counter maps;
//! - everything right of `snapshot` is a pure function of plain values;
//! - only `commands` prints, only `main` formats an error;
//! - nothing here asks for a kernel version, and no expected number stands outside a `lesson.toml`.

pub mod aggregate;
pub mod attach;
pub mod catalog;
pub mod checks;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod cpu_time;
pub mod doctor;
pub mod evidence;
pub mod kernel;
pub mod losses;
pub mod notes;
pub mod predict;
pub mod record;
pub mod render;
pub mod session;
pub mod signals;
pub mod skips;
pub mod snapshot;
pub mod unprivileged;
