//! The vocabulary of both boundaries: kernel programs ↔ tracer, and lesson ↔ tracer.
//!
//! Nothing here does anything; every item is a layout or a name that two sides must agree on.
//! The library is `no_std` and depends on nothing, so that a lesson never compiles aya.

#![no_std]

pub mod calls;
pub mod counters;
pub mod files;
pub mod offsets;
pub mod session;
pub mod tables;
pub mod turns;
