//! The sizes of files, extents and records: records as in the original, everything else about a 64th.

/// Bytes of the catalog (16 MiB in the original).
pub(super) const CATALOG_BYTES: usize = 10 * 4096;

/// The first data file (`data_file.cpp`: 64 MiB).
const FIRST_FILE_BYTES: i32 = 1 << 20;
/// From this file on all files have the same size (`data_file.cpp`: 2 GiB).
const LAST_DOUBLING: i32 = 5;
/// The header of a data file (`data_file.h`).
pub(crate) const FILE_HEADER_BYTES: i32 = 8192;
/// Extents grow fourfold up to this size, then by a third (`extent_manager.cpp`: 4,000,000).
const QUICK_GROWTH_BYTES: i32 = 4_000_000 / 64;
/// Extents are multiples of this size.
const EXTENT_UNIT_BYTES: i32 = 4096;

/// The header of a record (`record.h`).
pub(crate) const RECORD_HEADER_BYTES: i32 = 16;
/// The smallest record is this power of two, header included.
const SMALLEST_RECORD_BITS: u32 = 5;
/// Sizes of records: the powers of two from 32 bytes to 1 MiB.
pub(crate) const RECORD_CLASSES: usize = 16;

/// Bytes of the data file with this number.
pub(crate) fn file_bytes(number: i32) -> i32 {
    FIRST_FILE_BYTES << number.clamp(0, LAST_DOUBLING)
}

/// Bytes of the extent after one of `last` bytes (0: the first one), for records of this size.
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

/// Bytes of a record for this much data, header included; `None` if the data is too large.
pub(crate) fn record_bytes(data: usize) -> Option<i32> {
    let needed = i32::try_from(data).ok()?.checked_add(RECORD_HEADER_BYTES)?;
    let bytes = needed.cast_unsigned().checked_next_power_of_two()?;
    let bits = bytes.ilog2().max(SMALLEST_RECORD_BITS);
    let class = bits - SMALLEST_RECORD_BITS;
    ((class as usize) < RECORD_CLASSES).then_some(1 << bits)
}

/// The free list for space of this size, rounded down to a power of two; `None` if it is too small to use.
pub(crate) fn class_of(bytes: i32) -> Option<usize> {
    let bits = bytes.cast_unsigned().checked_ilog2()?;
    let class = bits.checked_sub(SMALLEST_RECORD_BITS)? as usize;
    Some(class.min(RECORD_CLASSES - 1))
}
