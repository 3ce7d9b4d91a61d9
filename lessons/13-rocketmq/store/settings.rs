//! What can be chosen when a store is opened.

use std::path::{Path, PathBuf};

use super::entry::ENTRY_BYTES;

/// How a record comes into the page cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Append {
    /// By stores into the mapped file.
    Mapping,
    /// Into a buffer of the program's, and by write(2) when four pages have come together
    /// (`transientStorePoolEnable`).
    Buffer,
}

/// What a start does with the bytes behind the last good record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// They become zeros.
    Cleared,
    /// They stay, as in the product: see `stale.rs`.
    Kept,
}

/// Where a store is and how it works.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The directory of all its files.
    pub(crate) home: PathBuf,
    /// Bytes of a file of the log; 1 GiB in the product.
    pub(crate) log_file_bytes: usize,
    /// Entries of a file of a queue; 300,000 in the product.
    pub(crate) queue_file_entries: usize,
    pub(crate) append: Append,
    pub(crate) tail: Tail,
}

impl Settings {
    /// A store that stores into mappings and clears the tail.
    pub(crate) fn new(home: &Path) -> Self {
        Settings {
            home: home.to_owned(),
            log_file_bytes: 1 << 20,
            queue_file_entries: 300,
            append: Append::Mapping,
            tail: Tail::Cleared,
        }
    }

    pub(crate) fn queue_file_bytes(&self) -> usize {
        self.queue_file_entries * ENTRY_BYTES
    }
}
