//! Everything left of the Recording: from the kernel's events to numbers per scenario.

pub mod aggregate;
pub mod assemble;
pub mod attach;
pub mod calibration;
pub mod cpu_time;
pub mod doctor;
pub mod kernel;
pub mod losses;
pub mod session;
pub mod skips;
pub mod snapshot;
pub mod unprivileged;
