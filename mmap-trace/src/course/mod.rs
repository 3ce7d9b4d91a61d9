//! A course: its lessons, the sentences in them, and what a Recording says about those. Pure: nothing
//! here knows a kernel, and only `catalog` reads files.
//!
//! Invariant: what was not counted, was lost, or is worth too little gives a reason, never a number.

pub mod catalog;
pub mod compare;
pub mod expression;
pub mod judge;
pub mod lesson;
pub mod notes;
pub mod predict;

#[cfg(test)]
pub(crate) mod samples;
