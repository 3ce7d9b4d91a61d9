//! After a crash: what the journal has and the data files may not have is copied into them once more.
//!
//! The order is that of `dur_recover.cpp`. Copying is repeated without harm, because an entry says what
//! is where, and not what to change.

use std::path::Path;

use anyhow::{Result, ensure};

use super::journal::{Found, read_lsn, write_lsn};
use super::section::Section;
use super::views::Views;

/// What was found in the journal, and done with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovery {
    /// Sections that were copied into the data files.
    pub(crate) redone_sections: u64,
    /// Sections that the data files had for sure.
    pub(crate) skipped_sections: u64,
    /// Number of the last section that the store has.
    pub(super) last: u64,
}

/// Copies, flushes, and removes the journal.
pub(super) fn recover(directory: &Path, views: &mut Views) -> Result<Recovery> {
    let lsn = read_lsn(directory)?;
    let mut recovery = Recovery {
        last: lsn,
        ..Recovery::default()
    };
    let journal = Found::all(directory)?;
    for (number, file) in journal.iter().enumerate() {
        let rest = replay(&file.sections, file.file_id, lsn, views, &mut recovery)?;
        // A crash leaves the end of the last file torn, and nothing else.
        ensure!(
            rest.is_empty() || number + 1 == journal.len(),
            "a journal file that is not the last one has {} bytes that are no section",
            rest.len()
        );
    }
    if recovery.redone_sections > 0 {
        views.flush()?;
    }
    views.steps.begin()?;
    write_lsn(directory, recovery.last)?;
    for file in &journal {
        views.steps.begin()?;
        file.remove()?;
    }
    Ok(recovery)
}

/// Copies all whole sections that the data files may lack, and gives what follows the last whole one.
fn replay<'journal>(
    sections: &'journal [u8],
    file_id: u64,
    lsn: u64,
    views: &mut Views,
    recovery: &mut Recovery,
) -> Result<&'journal [u8]> {
    let mut rest = sections;
    while let Some(section) = Section::read(rest, file_id) {
        if section.number <= lsn {
            recovery.skipped_sections += 1;
        } else {
            section.for_each(|place, bytes| views.store_shared(place, bytes))?;
            recovery.redone_sections += 1;
            recovery.last = section.number;
        }
        rest = rest.get(section.padded_bytes..).unwrap_or(&[]);
    }
    Ok(rest)
}
