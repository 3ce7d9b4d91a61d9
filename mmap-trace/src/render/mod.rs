//! Draws a Recording as text, JSON, CSV or a page, in memory; `commands` prints it.
//!
//! Names in a Recording come from untrusted programs, so no control character may reach the output:
//! `text::escape` replaces them in text, and JSON has `\u` escapes.

mod cell;
mod chart;
pub mod claims;
pub mod compare;
pub mod csv;
pub mod doctor;
mod grid;
mod header;
pub mod json;
mod legend;
pub mod notes;
pub mod notes_markdown;
#[cfg(feature = "page")]
pub mod page;
mod predictions;
mod rows;
mod sheet;
pub mod table;
mod tables;
pub mod text;

/// How much of a run is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The rows that the lesson chooses, and durations.
    Chosen,
    /// Everything that was counted and observed.
    All,
}

/// Whether text is coloured. Colour only repeats what the words say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Colour,
}
