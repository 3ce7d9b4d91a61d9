//! A lesson's sentences in machine form, and what a Recording says about them. Pure: nothing here
//! reads a file, a clock or the kernel.
//!
//! `lesson_file` reads `lesson.toml`; `lexer`, `parser`, `names` and `expression` read the language
//! of its checks; `lookup`, `value` and `evaluate` answer it from a Recording, `timed` where
//! it is about time; `judge` gives the verdicts, with an excuse of `disturbed`; `prediction` and
//! `confront` do the same for what people predicted.
//!
//! Invariant: what was not counted, was lost, or is worth too little gives a reason, never a number.

pub mod chart;
pub mod claim;
pub mod confront;
mod disturbed;
pub mod evaluate;
pub mod expression;
pub mod judge;
pub mod lesson_file;
mod lexer;
pub mod lookup;
pub mod names;
mod parser;
pub mod prediction;
pub mod size;
pub mod timed;
mod validate;
pub mod value;

#[cfg(test)]
pub(crate) mod samples;
