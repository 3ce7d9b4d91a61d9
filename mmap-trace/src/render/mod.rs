//! Outputs of a Recording. Pure: text in memory, no I/O; `commands` prints it.
//!
//! Names in a Recording come from programs that nobody vouches for. Nothing leaves this room with a
//! control character in it: `text::escape` for people, `\u` escapes for machines.

mod cell;
mod chart;
pub mod claims;
pub mod compare;
pub mod doctor;
mod grid;
mod header;
pub mod json;
mod legend;
pub mod notes;
pub mod notes_markdown;
mod predictions;
mod rows;
mod sheet;
pub mod table;
mod tables;
pub mod text;

/// How much of a lesson's run is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The rows that the lesson asks for, and durations.
    Chosen,
    /// Everything that was counted and observed.
    All,
}

/// Whether an output may use colour. It never carries a meaning alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// The same text with ANSI styles.
    Colour,
}
