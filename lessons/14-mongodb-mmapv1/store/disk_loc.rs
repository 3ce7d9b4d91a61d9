//! Where something lies on the disk, which is also its name: indexes hold nothing else.

/// A place in the store's files, as `DiskLoc` of `diskloc.h` has it. A record that moves gets another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DiskLoc {
    /// Number of the data file, or [`CATALOG`].
    pub(crate) file: i32,
    /// Bytes from its beginning.
    pub(crate) offset: i32,
}

/// The file `.ns`; the journal of the original calls it by the same number (`dur_journalformat.h`).
pub(crate) const CATALOG: i32 = i32::MAX;

impl DiskLoc {
    /// Bytes that it takes in a file.
    pub(crate) const BYTES: i32 = 8;
    /// No place at all.
    pub(crate) const NULL: DiskLoc = DiskLoc {
        file: -1,
        offset: 0,
    };

    /// In the catalogue.
    pub(crate) const fn catalog(offset: i32) -> Self {
        DiskLoc {
            file: CATALOG,
            offset,
        }
    }

    /// In the same file, so many bytes on.
    pub(crate) const fn plus(self, bytes: i32) -> Self {
        DiskLoc {
            offset: self.offset.saturating_add(bytes),
            ..self
        }
    }

    /// In the same file, at this offset; -1 means nowhere.
    pub(crate) const fn beside(self, offset: i32) -> Self {
        if offset < 0 {
            DiskLoc::NULL
        } else {
            DiskLoc { offset, ..self }
        }
    }

    /// The offset that [`beside`](Self::beside) turns back.
    pub(crate) const fn within_file(self) -> i32 {
        if self.is_null() { -1 } else { self.offset }
    }

    pub(crate) const fn is_null(self) -> bool {
        self.file < 0
    }

    pub(crate) fn to_bytes(self) -> [u8; 8] {
        (u64::from(self.file.cast_unsigned()) | u64::from(self.offset.cast_unsigned()) << 32)
            .to_le_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; 8]) -> Self {
        let word = u64::from_le_bytes(bytes);
        DiskLoc {
            file: (word as u32).cast_signed(),
            offset: ((word >> 32) as u32).cast_signed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_and_offset_are_little_endian_in_this_order() {
        let place = DiskLoc {
            file: 3,
            offset: 258,
        };
        assert_eq!(place.to_bytes(), [3, 0, 0, 0, 2, 1, 0, 0]);
        for place in [place, DiskLoc::NULL, DiskLoc::catalog(7)] {
            assert_eq!(DiskLoc::from_bytes(place.to_bytes()), place);
        }
        assert!(place.beside(place.within_file()) == place && place.beside(-1).is_null());
    }
}
