//! `lesson.toml`: what a lesson promises.

pub mod chart;
pub mod claim;
pub mod file;
pub mod prediction;
mod validate;
