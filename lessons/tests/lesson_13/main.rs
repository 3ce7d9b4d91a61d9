//! Lesson 13 as a program, and its store as seen by an independent reader: what needs no tracer.

#[path = "../common/mod.rs"]
mod common;

mod broker;
mod crash;
mod format;
mod lesson;
mod power;
mod reader;
