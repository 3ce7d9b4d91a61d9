//! A course: its lessons, their sentences, and what a Recording says about those sentences.
//!
//! Nothing here knows a kernel, only `catalog` reads files, and judging is a pure function.
//! `expression` comes first, then `lesson`, then `answers` and `judge`, then `compare` and `notes`.
//!
//! Invariant: a count that is missing, lost or worth too little gives a reason, never a number.

pub mod answers;
pub mod catalog;
pub mod compare;
pub mod expression;
pub mod fields;
pub mod judge;
pub mod lesson;
pub mod notes;
pub mod reference;

#[cfg(test)]
pub(crate) mod samples;
