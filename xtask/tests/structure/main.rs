//! The rules of the house that a program can check: how files depend on each other, how long they are,
//! what types are called, and whether README.md's map is the tree's.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod halves;
mod map;
mod modules;
mod sources;
mod types;
mod words;
