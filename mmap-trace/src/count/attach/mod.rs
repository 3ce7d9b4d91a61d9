//! From the table of ways to attached programs.

pub mod choose;
pub mod load;
pub mod loader;
#[cfg(test)]
mod object_programs;
pub mod plan;
pub mod programs;
#[cfg(test)]
mod recorded;
