//! What the two sides of each boundary must agree on: kernel programs and tracer, lesson and tracer.
//!
//! Every item is a layout, a name or a constant; there is no logic. The library is `no_std` and has no
//! dependencies, so that building a lesson never compiles aya.

#![no_std]

pub mod backups;
pub mod calls;
pub mod counters;
pub mod files;
pub mod offsets;
pub mod session;
pub mod tables;
