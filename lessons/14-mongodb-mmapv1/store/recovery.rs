//! Recovery after a crash, in the order of `dur_recover.cpp`: copy from the journal, flush, remove the journal.
//!
//! Copying may be repeated, because an entry says which bytes are where, not what to change.

use std::path::Path;

use anyhow::{Result, ensure};

use super::journal::{FoundJournal, read_lsn, write_lsn};
use super::section::Section;
use super::views::Views;

/// What recovery did.
pub(super) struct Recovered {
    /// Sections that were copied into the data files.
    pub(super) redone_sections: u64,
    /// The number of the last group in the data files.
    pub(super) last: u64,
}

pub(super) fn recover(directory: &Path, views: &mut Views) -> Result<Recovered> {
    let lsn = read_lsn(directory)?;
    let mut recovered = Recovered {
        redone_sections: 0,
        last: lsn,
    };
    let journal = FoundJournal::all(directory)?;
    for (index, file) in journal.iter().enumerate() {
        let mut rest = &file.sections[..];
        while let Some(section) = Section::read(rest, file.file_id) {
            // The device has everything up to the lsn.
            if section.number > lsn {
                section.for_each(|place, bytes| views.store_shared(place, bytes))?;
                recovered.redone_sections += 1;
                recovered.last = section.number;
            }
            rest = rest.get(section.padded_bytes..).unwrap_or(&[]);
        }
        // A crash tears the end of the last file only.
        ensure!(
            rest.is_empty() || index + 1 == journal.len(),
            "a journal file before the last one has {} bytes that are no section, so later groups \
             cannot be trusted",
            rest.len()
        );
    }
    if recovered.redone_sections > 0 {
        views.flush()?;
    }
    views.steps.begin()?;
    write_lsn(directory, recovered.last)?;
    for file in &journal {
        views.steps.begin()?;
        file.remove()?;
    }
    Ok(recovered)
}
