//! Before a run: does this machine count a known workload right?
//!
//! A calibrator, a member like the lesson that follows, does work whose counts are known, among it
//! work that must count nothing. What is counted wrong is refuted: its numbers are not shown, and
//! the checks that rest on them decide nothing. Where the kernel accepts fexit, independent programs
//! count the same work and must agree.

pub mod bench;
pub mod calibrate;
pub mod calibrator;
pub mod channels;
pub mod cross_check;
pub mod files;
pub mod judge;
pub mod memory;
pub mod steps;
