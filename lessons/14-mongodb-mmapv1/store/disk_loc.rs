//! The place of something on disk, which is also its name: indexes and lists hold nothing else.

/// A place in the store's files, with the layout of `diskloc.h`. A record that moves gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DiskLoc {
    /// The number of the data file, or [`CATALOG`].
    pub(crate) file: i32,
    /// Bytes from the beginning of the file.
    pub(crate) offset: i32,
}

/// The number of the catalog; the original's journal uses the same one (`dur_journalformat.h`).
pub(crate) const CATALOG: i32 = i32::MAX;

impl DiskLoc {
    /// Bytes that a place takes in a file.
    pub(crate) const BYTES: i32 = 8;
    pub(crate) const NULL: DiskLoc = DiskLoc::new(-1, 0);

    pub(crate) const fn new(file: i32, offset: i32) -> Self {
        DiskLoc { file, offset }
    }

    /// The place this many bytes further on in the same file.
    pub(crate) const fn plus(self, bytes: i32) -> Self {
        DiskLoc::new(self.file, self.offset.saturating_add(bytes))
    }

    /// The place at this offset of the same file; -1 means nowhere.
    pub(crate) const fn beside(self, offset: i32) -> Self {
        if offset < 0 {
            DiskLoc::NULL
        } else {
            DiskLoc::new(self.file, offset)
        }
    }

    /// The inverse of [`beside`](Self::beside).
    pub(crate) const fn within_file(self) -> i32 {
        if self.is_null() { -1 } else { self.offset }
    }

    pub(crate) const fn is_null(self) -> bool {
        self.file < 0
    }

    pub(crate) fn to_bytes(self) -> [u8; 8] {
        let (file, offset) = (self.file.cast_unsigned(), self.offset.cast_unsigned());
        (u64::from(file) | u64::from(offset) << 32).to_le_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; 8]) -> Self {
        let word = u64::from_le_bytes(bytes).cast_signed();
        DiskLoc::new(word as i32, (word >> 32) as i32)
    }
}
