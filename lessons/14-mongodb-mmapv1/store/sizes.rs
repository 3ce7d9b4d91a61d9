//! How large files, extents and records are made: everything a 64th of the original but the records.

/// The first data file (`data_file.cpp`: 64 MiB).
const FIRST_FILE_BYTES: i32 = 1 << 20;
/// From this file on all are equally large (`data_file.cpp`: 2 GiB).
const LAST_DOUBLING: i32 = 5;
/// What a data file begins with, before its first extent (`data_file.h`).
pub(crate) const FILE_HEADER_BYTES: i32 = 8192;
/// Extents grow fourfold up to this size, and by a third from there on (`extent_manager.cpp`: 4,000,000).
const QUICK_GROWTH_BYTES: i32 = 4_000_000 / 64;
/// Extents are whole multiples of it.
const EXTENT_UNIT_BYTES: i32 = 4096;

/// What stands before the data of a record (`record.h`).
pub(crate) const RECORD_HEADER_BYTES: i32 = 16;
/// The smallest record, header included, as a power of two.
const SMALLEST_RECORD_BITS: u32 = 5;
/// Sizes of records: 32 bytes to 1 MiB.
pub(crate) const RECORD_CLASSES: usize = 16;

/// Bytes of the data file with this number: each twice as large as the one before.
pub(crate) fn file_bytes(number: i32) -> i32 {
    FIRST_FILE_BYTES << number.clamp(0, LAST_DOUBLING)
}

/// Bytes of a new extent, after one of `last` bytes (0: the first), for records like this one.
pub(crate) fn extent_bytes(last: i32, record: i32, largest: i32) -> i32 {
    let first = i64::from(record) * if record < 1000 { 64 } else { 16 };
    let last = i64::from(last);
    let next = if last < i64::from(QUICK_GROWTH_BYTES) {
        last * 4
    } else {
        last * 135 / 100
    };
    let unit = i64::from(EXTENT_UNIT_BYTES);
    let bytes = (first.max(next) / unit).max(1) * unit;
    i32::try_from(bytes).unwrap_or(i32::MAX).min(largest)
}

/// Bytes that a record with so much data gets, header included; `None` if it is too large.
pub(crate) fn record_bytes(data: usize) -> Option<i32> {
    let needed = i32::try_from(data).ok()?.checked_add(RECORD_HEADER_BYTES)?;
    let bytes = needed.cast_unsigned().checked_next_power_of_two()?;
    let bytes = bytes.max(1 << SMALLEST_RECORD_BITS).cast_signed();
    (bytes <= class_bytes(RECORD_CLASSES - 1)).then_some(bytes)
}

/// The list that free space of this size belongs to: all in it is at least as large as [`class_bytes`].
/// `None`: too small to be of use.
pub(crate) fn class_of(bytes: i32) -> Option<usize> {
    let bits = bytes.cast_unsigned().checked_ilog2()?;
    let class = bits.checked_sub(SMALLEST_RECORD_BITS)? as usize;
    Some(class.min(RECORD_CLASSES - 1))
}

/// The least that is in this list.
pub(crate) fn class_bytes(class: usize) -> i32 {
    1 << (class as u32 + SMALLEST_RECORD_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_double_and_then_stay() {
        let sizes: Vec<i32> = (0..8).map(|number| file_bytes(number) >> 20).collect();
        assert_eq!(sizes, [1, 2, 4, 8, 16, 32, 32, 32]);
    }

    #[test]
    fn records_are_powers_of_two_with_their_header() {
        for (data, bytes) in [(0, 32), (16, 32), (17, 64), (496, 512), (497, 1024)] {
            assert_eq!(record_bytes(data), Some(bytes), "{data}");
        }
        assert_eq!(record_bytes((1 << 20) - 16), Some(1 << 20));
        assert_eq!(record_bytes((1 << 20) - 15), None);
        assert_eq!(record_bytes(usize::MAX), None);
    }

    #[test]
    fn all_that_a_list_holds_is_large_enough() {
        for bytes in [32, 33, 63, 64, 4000, 1 << 20, (1 << 20) + 1, 30 << 20] {
            let class = class_of(bytes).expect("large enough");
            assert!(class_bytes(class) <= bytes, "{bytes}");
        }
        assert_eq!(class_of(31), None);
        assert_eq!(class_of(0), None);
    }

    #[test]
    fn extents_grow_fast_and_then_slowly_and_fit_a_file() {
        let mut sizes = vec![0];
        for _ in 0..6 {
            sizes.push(extent_bytes(*sizes.last().expect("one"), 512, 300 << 10));
        }
        let kib: Vec<i32> = sizes.iter().map(|bytes| bytes >> 10).collect();
        assert_eq!(kib, [0, 32, 128, 172, 232, 300, 300]);
        assert_eq!(extent_bytes(0, 2048, i32::MAX), 32 << 10);
    }
}
