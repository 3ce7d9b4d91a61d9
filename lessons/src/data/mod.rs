//! Files of a lesson: written in pieces of a given size, made cold or warm, and checked.
//!
//! How a file got into the page cache decides how many faults a mapping of it takes, because the cache
//! keeps folios as large as the write or the readahead that made them. So a lesson states the size.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

use anyhow::{Context, Result};

mod cache;
mod files;
mod recipe;

pub use cache::{evict, resident_pages, warm};
pub use files::Files;
pub use recipe::{Cached, Recipe};

/// The size of the writes that make a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pieces(usize);

impl Pieces {
    /// 4 KiB, with which every kernel keeps the file in small folios: one page each.
    pub const SMALL: Pieces = Pieces(4 << 10);

    /// 1 MiB, with which the file lies in large folios if kernel and file system have them.
    pub const LARGE: Pieces = Pieces(1 << 20);

    /// Pieces of this many bytes.
    #[must_use]
    pub const fn of(bytes: usize) -> Self {
        Pieces(if bytes == 0 { 1 } else { bytes })
    }
}

/// Writes a file with a pattern that depends on the offset alone, and waits until it is on the device.
///
/// The file is returned open for reading and writing, at its beginning; all of it is in the page cache.
pub fn create(path: &Path, size_bytes: usize, pieces: Pieces) -> Result<File> {
    let context = || format!("create {}", path.display());
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .with_context(context)?;
    let mut piece = vec![0; pieces.0.min(size_bytes)];
    let mut written = 0;
    while written < size_bytes {
        let length = piece.len().min(size_bytes - written);
        fill_pattern(&mut piece[..length], written);
        file.write_all(&piece[..length]).with_context(context)?;
        written += length;
    }
    file.sync_all().with_context(context)?;
    file.rewind().with_context(context)?;
    Ok(file)
}

/// Fills `bytes` with what [`create`] writes at `offset`: well-mixed words, so that no two pages are alike.
fn fill_pattern(bytes: &mut [u8], offset: usize) {
    for (place, byte) in bytes.iter_mut().enumerate() {
        let position = offset + place;
        *byte = mix((position / 8) as u64).to_le_bytes()[position % 8];
    }
}

/// The finaliser of `SplitMix64`: a change of any input bit changes about half of the output bits.
#[must_use]
pub fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page_bytes;

    fn scratch() -> tempfile::TempDir {
        crate::work_directory::fresh(None).expect("a disk")
    }

    #[test]
    fn a_created_file_is_warm_and_can_be_made_cold_and_warm_again() {
        let directory = scratch();
        let bytes = 37 * page_bytes();
        let file = create(&directory.path().join("data"), bytes, Pieces::of(4096)).expect("room");
        assert_eq!(resident_pages(&file, bytes).expect("ours"), 37);
        evict(&file).expect("a file of ours");
        assert_eq!(resident_pages(&file, bytes).expect("ours"), 0);
        warm(&file).expect("readable");
        assert_eq!(resident_pages(&file, bytes).expect("ours"), 37);
    }

    #[test]
    fn the_pattern_does_not_depend_on_the_pieces() {
        let directory = scratch();
        let read = |pieces| {
            let path = directory.path().join("data");
            create(&path, 20_000, Pieces::of(pieces)).expect("room");
            std::fs::read(path).expect("readable")
        };
        let expected = read(4096);
        assert_eq!(expected.len(), 20_000);
        assert_eq!(read(1 << 20), expected);
        assert_eq!(read(1000), expected);
        let (first, second) = (&expected[..4096], &expected[4096..8192]);
        assert_ne!(first, second);
    }

    #[test]
    fn an_empty_file_has_no_pages() {
        let directory = scratch();
        let file = create(&directory.path().join("data"), 0, Pieces::of(4096)).expect("room");
        assert_eq!(resident_pages(&file, 0).expect("nothing to ask"), 0);
    }
}
