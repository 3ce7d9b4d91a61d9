//! A document: bytes that begin with their length, as in BSON, followed by fields at fixed offsets.

use anyhow::{Context, Result};
use lessons::data::mix;

const LENGTH: usize = 0;
pub(super) const KEY: usize = 8;
pub(super) const TAG: usize = 16;
pub(super) const COUNTER: usize = 24;
/// Bytes of a document before its text.
pub(crate) const HEADER_BYTES: usize = 32;

/// Composes a document in a buffer that the caller has allocated.
///
/// The tag is a second unique key: `mix` maps no two numbers to one.
pub(crate) fn compose(buffer: &mut Vec<u8>, key: u64, counter: u64, text_bytes: usize) {
    buffer.clear();
    let length = HEADER_BYTES + text_bytes;
    for field in [length as u64, key, mix(key), counter] {
        buffer.extend(field.to_le_bytes());
    }
    buffer.resize(length, b'a' + (key % 26) as u8);
}

/// Returns the document without the unused end of its record.
pub(super) fn trim(record: &[u8]) -> Result<&[u8]> {
    let length = usize::try_from(field(record, LENGTH)?)?;
    let document = record.get(..length).filter(|_| length >= HEADER_BYTES);
    document.with_context(|| {
        let room = record.len();
        format!("a record of {room} bytes cannot hold a document of {length}")
    })
}

/// Returns the number at one of the offsets above.
pub(super) fn field(document: &[u8], at: usize) -> Result<u64> {
    let bytes = document.get(at..at + 8);
    let bytes = bytes.context("the document ends before its last field")?;
    Ok(u64::from_le_bytes(bytes.try_into()?))
}
