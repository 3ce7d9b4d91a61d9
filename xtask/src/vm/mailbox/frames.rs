//! Frames, which the guest appends in order: a sector with the header, then the bytes.
//!
//! The guest writes the header last, so a reader that sees it can read the bytes that it announces.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use memmap2::MmapMut;

use crate::layout::{BYTES, FRAMES_AT, SECTOR_BYTES};

const MAGIC: u32 = 0x4d54_4652;

const PIECE_BYTES: usize = 64 << 10;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A piece of the command's standard output.
    Stdout,
    /// A piece of the command's standard error.
    Stderr,
    /// A piece of the file that the job asks for.
    File,
    /// The exit code in decimal, 128+n for signal n; the last frame.
    Exit,
    /// Why there is no exit code; the last frame.
    Failed,
}

const KINDS: &[(u32, Kind)] = &[
    (1, Kind::Stdout),
    (2, Kind::Stderr),
    (3, Kind::File),
    (4, Kind::Exit),
    (5, Kind::Failed),
];

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    pub kind: Kind,
    pub bytes: Vec<u8>,
}

/// The guest's end.
#[derive(Debug)]
pub struct Outbox {
    disk: File,
    // Aligned to a page, as O_DIRECT requires.
    buffer: MmapMut,
    at: u64,
    sequence: u32,
}

/// The host's end.
#[derive(Debug)]
pub struct Inbox {
    disk: File,
    at: u64,
    sequence: u32,
}

impl Outbox {
    pub fn new(disk: File) -> io::Result<Self> {
        Ok(Self {
            disk,
            buffer: MmapMut::map_anon(PIECE_BYTES)?,
            at: FRAMES_AT,
            sequence: 1,
        })
    }

    /// Sends `bytes` in as many frames as they need; no bytes are one empty frame.
    pub fn send(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return self.piece(kind, bytes);
        }
        bytes
            .chunks(PIECE_BYTES)
            .try_for_each(|piece| self.piece(kind, piece))
    }

    fn piece(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let padded = bytes.len().next_multiple_of(SECTOR_BYTES);
        let end = self.at + (SECTOR_BYTES + padded) as u64;
        // The sector of the next header must exist too, because the host looks there.
        if end + SECTOR_BYTES as u64 > BYTES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if padded > 0 {
            self.buffer[..bytes.len()].copy_from_slice(bytes);
            self.buffer[bytes.len()..padded].fill(0);
            let payload_at = self.at + SECTOR_BYTES as u64;
            self.disk.write_all_at(&self.buffer[..padded], payload_at)?;
        }
        let number = KINDS
            .iter()
            .find(|(_, known)| *known == kind)
            .map_or(0, |(number, _)| *number);
        let words = [MAGIC, number, self.sequence, bytes.len() as u32];
        self.buffer[..SECTOR_BYTES].fill(0);
        for (place, word) in self.buffer.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        self.disk
            .write_all_at(&self.buffer[..SECTOR_BYTES], self.at)?;
        self.at = end;
        self.sequence += 1;
        Ok(())
    }
}

impl Inbox {
    #[must_use]
    pub fn new(disk: File) -> Self {
        Self {
            disk,
            at: FRAMES_AT,
            sequence: 1,
        }
    }

    pub fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        let mut header = [0; SECTOR_BYTES];
        self.disk.read_exact_at(&mut header, self.at)?;
        let mut words = header
            .chunks_exact(4)
            .map(|word| word.try_into().map_or(0, u32::from_le_bytes));
        let mut word = || words.next().unwrap_or(0);
        let (magic, number, sequence, length) = (word(), word(), word(), word() as usize);
        if magic != MAGIC || sequence != self.sequence {
            return Ok(None);
        }
        let known = KINDS.iter().find(|(known, _)| *known == number);
        let Some((_, kind)) = known.filter(|_| length <= PIECE_BYTES) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let mut bytes = vec![0; length];
        self.disk
            .read_exact_at(&mut bytes, self.at + SECTOR_BYTES as u64)?;
        self.at += (SECTOR_BYTES + length.next_multiple_of(SECTOR_BYTES)) as u64;
        self.sequence += 1;
        Ok(Some(Frame { kind: *kind, bytes }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both_ends() -> (Outbox, Inbox) {
        let disk = tempfile::NamedTempFile::new().unwrap();
        disk.as_file().set_len(BYTES).unwrap();
        let outbox = Outbox::new(disk.reopen().unwrap()).unwrap();
        (outbox, Inbox::new(disk.reopen().unwrap()))
    }

    #[test]
    fn frames_of_any_length_arrive_whole_and_in_order() {
        let (mut outbox, mut inbox) = both_ends();
        for length in [0, 1, 511, 512, 513, PIECE_BYTES] {
            let bytes: Vec<u8> = (0..length).map(|n| n as u8).collect();
            assert_eq!(inbox.next_frame().unwrap(), None);
            outbox.send(Kind::Stderr, &bytes).unwrap();
            let frame = inbox.next_frame().unwrap().unwrap();
            assert_eq!((frame.kind, frame.bytes), (Kind::Stderr, bytes));
        }
    }

    #[test]
    fn bytes_beyond_one_frame_arrive_in_several() {
        let (mut outbox, mut inbox) = both_ends();
        let bytes = vec![7; 3 * PIECE_BYTES + 5];
        outbox.send(Kind::File, &bytes).unwrap();
        outbox.send(Kind::Exit, b"3").unwrap();
        let mut arrived = Vec::new();
        let end = loop {
            let frame = inbox.next_frame().unwrap().unwrap();
            if frame.kind != Kind::File {
                break frame;
            }
            arrived.extend(frame.bytes);
        };
        assert_eq!((arrived, end.bytes.as_slice()), (bytes, &b"3"[..]));
    }

    #[test]
    fn a_full_disk_is_an_error_and_leaves_no_partial_frame() {
        let (mut outbox, mut inbox) = both_ends();
        outbox.at = BYTES - SECTOR_BYTES as u64;
        inbox.at = outbox.at;
        assert!(outbox.send(Kind::Stdout, b"no room").is_err());
        assert_eq!(inbox.next_frame().unwrap(), None);
    }
}
