//! A section of the journal: the bytes that one group stored, and their places.
//!
//! Header, entries and footer have the lengths and the order of `dur_journalformat.h`.
//! Nothing is compressed, and the 16 bytes of the hash hold a CRC-32.

use anyhow::{Context, Result, ensure};
use lessons::memory::touched_buffer;
use memmap2::MmapMut;

use super::disk_loc::DiskLoc;

/// Sections are padded to multiples of this size, so that `O_DIRECT` can write the journal.
pub(super) const UNIT_BYTES: usize = 8192;

const HEADER_BYTES: usize = 20;
const ENTRY_HEADER_BYTES: usize = 12;
const FOOTER_BYTES: usize = 32;
/// Stands in place of an entry's length after the last entry.
const SENTINEL: [u8; 4] = [0xFF; 4];
const END: [u8; 4] = *b"\n\n\n\n";

/// Memory in which a section is put together, touched in advance.
pub(super) struct SectionBuffer {
    memory: MmapMut,
    used: usize,
}

impl SectionBuffer {
    pub(super) fn new(bytes: usize) -> Result<Self> {
        Ok(SectionBuffer {
            memory: touched_buffer(bytes.next_multiple_of(UNIT_BYTES))?,
            used: 0,
        })
    }

    /// Begins the section of this group, for the journal file with this id.
    pub(super) fn begin(&mut self, number: u64, file_id: u64) -> Result<()> {
        self.used = 4;
        self.push(&number.to_le_bytes())?;
        self.push(&file_id.to_le_bytes())
    }

    /// Adds an entry: bytes that were stored at a place.
    pub(super) fn add(&mut self, place: DiskLoc, bytes: &[u8]) -> Result<()> {
        self.push(&u32::try_from(bytes.len())?.to_le_bytes())?;
        self.push(&place.offset.to_le_bytes())?;
        self.push(&place.file.to_le_bytes())?;
        self.push(bytes)
    }

    /// Completes the section with its length, its hash and the padding.
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

    /// The section with its padding.
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

/// An intact section, found in a journal.
pub(super) struct Section<'journal> {
    pub(super) number: u64,
    entries: &'journal [u8],
    /// Bytes that the section takes in the journal.
    pub(super) padded_bytes: usize,
}

impl<'journal> Section<'journal> {
    /// Reads the section at the beginning; `None` if there is no intact one that belongs to this file.
    pub(super) fn read(journal: &'journal [u8], file_id: u64) -> Option<Self> {
        let length = word(journal, 0)? as usize;
        let (content, footer) = journal
            .get(..length)?
            .split_at_checked(length.checked_sub(FOOTER_BYTES)?)?;
        let number = u64::from_le_bytes(content.get(4..12)?.try_into().ok()?);
        let id = u64::from_le_bytes(content.get(12..20)?.try_into().ok()?);
        let is_intact = id == file_id && footer[4..20] == hash(content) && footer[28..] == END;
        is_intact.then_some(Section {
            number,
            entries: content.get(HEADER_BYTES..)?,
            padded_bytes: length.next_multiple_of(UNIT_BYTES),
        })
    }

    /// Calls `apply` with each entry, in order.
    pub(super) fn for_each(
        &self,
        mut apply: impl FnMut(DiskLoc, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut rest = self.entries;
        while !rest.is_empty() {
            let field = |at| word(rest, at).context("the section ends within an entry");
            let length = field(0)? as usize;
            let place = DiskLoc::new(field(8)?.cast_signed(), field(4)?.cast_signed());
            rest = &rest[ENTRY_HEADER_BYTES..];
            ensure!(length <= rest.len(), "the section ends within an entry");
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

    const PLACE: DiskLoc = DiskLoc::new(1, 9);
    const OTHER: DiskLoc = DiskLoc::new(2, 4);

    fn section() -> SectionBuffer {
        let mut buffer = SectionBuffer::new(2 * UNIT_BYTES).expect("memory");
        buffer.begin(5, 77).expect("room");
        buffer.add(PLACE, b"bytes").expect("room");
        buffer.add(OTHER, &[1; 300]).expect("room");
        buffer.finish().expect("room");
        buffer
    }

    #[test]
    fn a_section_is_read_back_as_it_was_written() {
        let buffer = section();
        let section = Section::read(buffer.bytes(), 77).expect("an intact section");
        assert_eq!((section.number, section.padded_bytes), (5, UNIT_BYTES));
        let mut entries = Vec::new();
        let read = section.for_each(|place, bytes| {
            entries.push((place, bytes.to_vec()));
            Ok(())
        });
        read.expect("well-formed entries");
        assert_eq!(entries, [(PLACE, b"bytes".to_vec()), (OTHER, vec![1; 300])]);
    }

    #[test]
    fn a_section_with_a_missing_or_changed_byte_is_rejected() {
        let buffer = section();
        let length = HEADER_BYTES + 2 * ENTRY_HEADER_BYTES + 305 + FOOTER_BYTES;
        // The sentinel and the reserved bytes carry no information.
        let footer = length - FOOTER_BYTES;
        let ignored = [footer..footer + 4, footer + 20..footer + 28];
        for at in 0..length {
            let torn = &buffer.bytes()[..at];
            assert!(Section::read(torn, 77).is_none(), "torn at {at}");
            let mut damaged = buffer.bytes().to_vec();
            damaged[at] ^= 1;
            let is_ignored = ignored.iter().any(|range| range.contains(&at));
            let is_accepted = Section::read(&damaged, 77).is_some();
            assert_eq!(is_accepted, is_ignored, "changed at {at}");
        }
        assert!(Section::read(buffer.bytes(), 78).is_none());
    }
}
