//! Verdicts: what a Recording says about claims, predictions and charts. Pure functions, in the order
//! `lookup`, `evaluate`, `timed` and `excuse`, then one file for each thing that is judged.

pub mod chart;
pub mod claims;
pub mod evaluate;
mod excuse;
pub mod lookup;
pub mod predictions;
pub mod timed;
