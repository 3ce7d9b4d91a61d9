//! How a store is opened.

use std::path::PathBuf;

use clap::ValueEnum;

/// How a record reaches the page cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Append {
    /// By stores into the mapped file.
    Mapping,
    /// Through a buffer of the program, which write(2) empties every few pages
    /// (`transientStorePoolEnable`).
    Buffer,
}

/// What a start does with the bytes behind the last whole record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// It clears them.
    Cleared,
    /// It leaves them there, as the product does: see `stale.rs`.
    Kept,
}

#[derive(Clone, Debug)]
pub(crate) struct StoreSettings {
    /// The directory of all files.
    pub(crate) home: PathBuf,
    /// Length of a log file; 1 GiB in the product.
    pub(crate) log_file_bytes: usize,
    /// Entries in a file of a queue; 300,000 in the product.
    pub(crate) queue_file_entries: usize,
    pub(crate) append: Append,
    pub(crate) tail: Tail,
}
