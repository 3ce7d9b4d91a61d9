//! What the two sides of each boundary must agree on: kernel programs and tracer, lesson and tracer.
//!
//! Every item is a layout, a name or a constant; the one function is the reader of sizes, which tracer and
//! lessons have in common. The library is `no_std` and has no dependencies, so that building a lesson
//! never compiles aya.

#![no_std]

#[cfg(not(target_arch = "bpf"))]
extern crate alloc;

pub mod backups;
pub mod calls;
pub mod counters;
pub mod files;
pub mod offsets;
pub mod page_tables;
pub mod session;
#[cfg(not(target_arch = "bpf"))]
pub mod size;
pub mod tables;
