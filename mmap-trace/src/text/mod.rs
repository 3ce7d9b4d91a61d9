//! Helpers for text that every part of the program shares: numbers and sizes as people write them.

pub mod number;
pub mod size;
