//! The rung without root: what an ordinary account may read at the borders of a scenario.
//!
//! Nothing is loaded into the kernel. The session page is a memfd; the lesson reads `getrusage(2)` and
//! `/proc/self/io` around each round. They become rows of the same counters, so that everything behind
//! them is the same as with eBPF, and what they cannot tell is `n/a`.

mod plan;
mod rows;
mod run;

pub use plan::chosen;
pub use rows::complete;
pub use run::run;
