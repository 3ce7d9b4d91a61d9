//! Counting without root: what an ordinary account can read before and after a scenario.
//!
//! Nothing is loaded into the kernel. The session page is a memfd, and the lesson reads getrusage(2) and
//! /proc/self/io before and after each round.
//! Their differences become rows of the same counters, so all later steps are the same as with eBPF. A metric
//! that they do not have is `n/a`.

mod plan;
mod rows;
mod run;

pub use plan::chosen;
pub use rows::complete;
pub use run::run;
