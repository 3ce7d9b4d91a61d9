//! Checks before a run that this machine counts a known workload correctly.
//!
//! A calibrator, traced like the lesson that follows, does work whose counts are known in advance,
//! including work that must count nothing.
//! A probe that counts it wrong is refuted: its numbers are not shown, and claims that need them are
//! unobservable.
//! Where the kernel accepts fexit programs, independent programs count the same work and must agree.

pub mod bench;
pub mod calibrate;
pub mod calibrator;
pub mod channels;
pub mod cross_check;
pub mod files;
pub mod judge;
pub mod memory;
pub mod steps;
