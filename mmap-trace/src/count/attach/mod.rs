//! Which programs count which metric, and attaching them.

pub mod choose;
pub mod load;
pub mod loader;
#[cfg(test)]
mod object_programs;
pub mod plan;
pub mod programs;
#[cfg(test)]
mod recorded;
