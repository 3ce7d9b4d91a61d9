//! Lesson 13 as a program, and its store against a reader of its own: what can be proven without a tracer.

#[path = "../common/mod.rs"]
mod common;

mod broker;
mod crash;
mod format;
mod lesson;
mod power;
mod reader;
