//! Draws a run as one HTML file that needs no network and no script.
//!
//! The templates escape HTML, and `finish` makes every character visible that would not be shown as it
//! is, wherever it came from.

mod claim;
mod comparison;
mod counts;
mod document;
mod evidence;
mod ledger;
mod measured;
mod prose;
mod signs;
mod summary;
mod terms;
mod words;

#[cfg(test)]
mod tests;

use askama::Template;

use super::text::{escape, is_printable};
use crate::{
    course::{compare::Comparison, notes::Ledger},
    weave::WovenLesson,
};

/// A page about one run of a lesson or command.
pub fn lesson(woven: &WovenLesson<'_>) -> Result<String, askama::Error> {
    Ok(finish(document::Document::of(woven).render()?))
}

/// A page about the same lesson on several kernels.
pub fn comparison(comparison: &Comparison) -> Result<String, askama::Error> {
    Ok(finish(comparison::ComparisonPage::of(comparison).render()?))
}

/// A page about the claims of the mmap notes.
pub fn ledger(ledger: &Ledger) -> Result<String, askama::Error> {
    Ok(finish(ledger::LedgerPage::of(ledger).render()?))
}

/// Replaces what would not be shown as it is, except the ends of lines.
fn finish(html: String) -> String {
    if html.chars().all(|c| c == '\n' || is_printable(c)) {
        return html;
    }
    let lines: Vec<String> = html.split('\n').map(escape).collect();
    lines.join("\n")
}
