//! A section of the journal: what one group commit has stored, as bytes and their places.
//!
//! Header, entries and footer are as long as in `dur_journalformat.h`, and in the same order; nothing is
//! compressed, and the 16 bytes of the hash hold a CRC-32.

use anyhow::{Context, Result, ensure};
use lessons::memory::touched_buffer;
use memmap2::MmapMut;

use super::disk_loc::DiskLoc;

/// Sections are padded to it, so that the journal can be written past the page cache.
pub(super) const UNIT_BYTES: usize = 8192;

const HEADER_BYTES: usize = 20;
const ENTRY_HEADER_BYTES: usize = 12;
const FOOTER_BYTES: usize = 32;
/// What stands where an entry would have its length.
const SENTINEL: [u8; 4] = [0xFF; 4];
const END: [u8; 4] = *b"\n\n\n\n";

/// Memory in which a section is put together, touched once and for all.
pub(super) struct SectionBuffer {
    memory: MmapMut,
    used: usize,
}

impl SectionBuffer {
    /// For sections of so many bytes.
    pub(super) fn new(bytes: usize) -> Result<Self> {
        let bytes = bytes.next_multiple_of(UNIT_BYTES);
        Ok(SectionBuffer {
            memory: touched_buffer(bytes)?,
            used: 0,
        })
    }

    /// Begins the section with this number, for the journal file with this id.
    pub(super) fn begin(&mut self, number: u64, file_id: u64) -> Result<()> {
        self.used = 4;
        self.push(&number.to_le_bytes())?;
        self.push(&file_id.to_le_bytes())
    }

    /// Adds bytes that were stored at a place.
    pub(super) fn add(&mut self, place: DiskLoc, bytes: &[u8]) -> Result<()> {
        self.push(&u32::try_from(bytes.len())?.to_le_bytes())?;
        self.push(&place.offset.to_le_bytes())?;
        self.push(&place.file.to_le_bytes())?;
        self.push(bytes)
    }

    /// Closes the section: its length, its hash, and zeros up to whole units.
    pub(super) fn finish(&mut self) -> Result<()> {
        let length = u32::try_from(self.used + FOOTER_BYTES)?;
        self.memory[..4].copy_from_slice(&length.to_le_bytes());
        let hash = hash(&self.memory[..self.used]);
        self.push(&SENTINEL)?;
        self.push(&hash)?;
        self.push(&[0; 8])?;
        self.push(&END)?;
        let padded = self.used.next_multiple_of(UNIT_BYTES);
        self.memory[self.used..padded].fill(0);
        self.used = padded;
        Ok(())
    }

    /// The section, in whole units.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[..self.used]
    }

    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let target = self.memory.get_mut(self.used..self.used + bytes.len());
        let target = target.context("the section is full: commit earlier")?;
        target.copy_from_slice(bytes);
        self.used += bytes.len();
        Ok(())
    }
}

/// A section that is whole.
pub(super) struct Section<'journal> {
    pub(super) number: u64,
    entries: &'journal [u8],
    /// Bytes that it takes in the journal.
    pub(super) padded_bytes: usize,
}

impl<'journal> Section<'journal> {
    /// Reads the section that begins here; `None` if none does that is whole and of this file.
    pub(super) fn read(journal: &'journal [u8], file_id: u64) -> Option<Self> {
        let length = word(journal, 0)? as usize;
        let (content, footer) = journal
            .get(..length)?
            .split_at_checked(length.checked_sub(FOOTER_BYTES)?)?;
        let number = u64::from_le_bytes(content.get(4..12)?.try_into().ok()?);
        let id = u64::from_le_bytes(content.get(12..20)?.try_into().ok()?);
        let whole = id == file_id && footer[4..20] == hash(content) && footer[28..] == END;
        whole.then_some(Section {
            number,
            entries: content.get(HEADER_BYTES..)?,
            padded_bytes: length.next_multiple_of(UNIT_BYTES),
        })
    }

    /// Hands each entry to `apply`, in order.
    pub(super) fn for_each(
        &self,
        mut apply: impl FnMut(DiskLoc, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut rest = self.entries;
        while !rest.is_empty() {
            let length = word(rest, 0).context("half an entry")? as usize;
            let place = DiskLoc {
                offset: word(rest, 4).context("half an entry")?.cast_signed(),
                file: word(rest, 8).context("half an entry")?.cast_signed(),
            };
            rest = &rest[ENTRY_HEADER_BYTES..];
            ensure!(length <= rest.len(), "half an entry");
            let (bytes, after) = rest.split_at(length);
            apply(place, bytes)?;
            rest = after;
        }
        Ok(())
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn hash(content: &[u8]) -> [u8; 16] {
    u128::from(crc32fast::hash(content)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: DiskLoc = DiskLoc { file: 1, offset: 9 };

    fn section() -> SectionBuffer {
        let mut buffer = SectionBuffer::new(2 * UNIT_BYTES).expect("memory");
        buffer.begin(5, 77).expect("room");
        buffer.add(PLACE, b"bytes").expect("room");
        buffer.add(DiskLoc::catalog(4), &[1; 300]).expect("room");
        buffer.finish().expect("room");
        buffer
    }

    #[test]
    fn what_was_added_is_read_back_in_order() {
        let buffer = section();
        let section = Section::read(buffer.bytes(), 77).expect("whole");
        assert_eq!((section.number, section.padded_bytes), (5, UNIT_BYTES));
        let mut seen = Vec::new();
        let ended = section.for_each(|place, bytes| {
            seen.push((place, bytes.to_vec()));
            Ok(())
        });
        ended.expect("well-formed");
        let expected = [
            (PLACE, b"bytes".to_vec()),
            (DiskLoc::catalog(4), vec![1; 300]),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_section_with_any_byte_missing_or_changed_is_none() {
        let buffer = section();
        let length = HEADER_BYTES + 2 * ENTRY_HEADER_BYTES + 305 + FOOTER_BYTES;
        for cut in 0..length {
            let torn = &buffer.bytes()[..cut];
            assert!(Section::read(torn, 77).is_none(), "cut at {cut}");
        }
        // The sentinel and the reserved bytes say nothing, so nobody checks them.
        let footer = length - FOOTER_BYTES;
        let silent = [footer..footer + 4, footer + 20..footer + 28];
        for place in (0..length).filter(|place| !silent.iter().any(|range| range.contains(place))) {
            let mut damaged = buffer.bytes().to_vec();
            damaged[place] ^= 1;
            assert!(Section::read(&damaged, 77).is_none(), "changed at {place}");
        }
        assert!(Section::read(buffer.bytes(), 78).is_none());
        assert!(Section::read(&[0; UNIT_BYTES], 77).is_none());
    }

    #[test]
    fn more_than_fits_is_an_error() {
        let mut buffer = SectionBuffer::new(UNIT_BYTES).expect("memory");
        buffer.begin(1, 1).expect("room");
        assert!(buffer.add(PLACE, &[0; UNIT_BYTES]).is_err());
    }
}
