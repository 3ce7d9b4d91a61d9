//! The half before the Recording: from the kernel's events to numbers per scenario.
//!
//! `kernel` finds out what this machine offers, `attach` chooses a probe for each metric and loads its
//! programs, `session` runs one program, and `calibration` checks beforehand whether its counts can be
//! trusted.
//! `trace` does all of that in order; without root, `unprivileged` takes its place.
//! `snapshot` reads the counters, `aggregate` turns them into numbers per scenario, and `assemble` makes
//! the Recording.

pub mod kernel;

pub mod attach;

pub mod session;

pub mod snapshot;

pub mod skips;

pub mod calibration;

pub mod cpu_time;

pub mod aggregate;

pub mod losses;

pub mod trace;

pub mod unprivileged;

pub mod assemble;

pub mod doctor;
