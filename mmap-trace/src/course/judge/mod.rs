//! Verdicts: what a Recording says about claims and predictions.

pub mod chart;
pub mod claims;
pub mod evaluate;
pub mod lookup;
mod perturbed;
pub mod predictions;
pub mod timed;
