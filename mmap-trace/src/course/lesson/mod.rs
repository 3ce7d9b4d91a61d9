//! `lesson.toml`: what a lesson promises.

pub mod chart;
pub mod claim;
pub mod file;
mod observation;
pub mod prediction;
pub mod problems;
mod raw;
pub mod read;
mod strings;
mod validate;
