//! A document: bytes that begin with their length, as BSON does, and have fields at fixed places.

use anyhow::{Context, Result};
use lessons::data::mix;

const LENGTH: usize = 0;
const KEY: usize = 8;
const TAG: usize = 16;
const COUNTER: usize = 24;
/// Bytes of a document before its text.
const TEXT: usize = 32;

/// Where the counter lies in a document.
pub(super) const COUNTER_OFFSET: i32 = COUNTER.cast_signed() as i32;

/// The second key of a document, which no other has (`mix` maps no two numbers to one).
pub(crate) fn tag_of(key: u64) -> u64 {
    mix(key)
}

/// Makes the document with this key and so many bytes of text, in memory that is there already.
pub(crate) fn compose(buffer: &mut Vec<u8>, key: u64, counter: u64, text_bytes: usize) {
    buffer.clear();
    let length = (TEXT + text_bytes) as u64;
    for field in [length, key, tag_of(key), counter] {
        buffer.extend(field.to_le_bytes());
    }
    buffer.resize(TEXT + text_bytes, b'a' + (key % 26) as u8);
}

/// Bytes of the document that begins here; the record may be longer.
pub(super) fn length(data: &[u8]) -> Result<usize> {
    let length = usize::try_from(field(data, LENGTH)?)?;
    (TEXT..=data.len())
        .contains(&length)
        .then_some(length)
        .with_context(|| {
            format!(
                "no document of {length} bytes is in a record of {}",
                data.len()
            )
        })
}

pub(super) fn key(data: &[u8]) -> Result<u64> {
    field(data, KEY)
}

pub(super) fn tag(data: &[u8]) -> Result<u64> {
    field(data, TAG)
}

pub(super) fn counter(data: &[u8]) -> Result<u64> {
    field(data, COUNTER)
}

fn field(data: &[u8], at: usize) -> Result<u64> {
    let bytes = data.get(at..at + 8).context("the document ends early")?;
    Ok(u64::from_le_bytes(bytes.try_into()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_tells_its_length_and_its_keys() {
        let mut bytes = Vec::new();
        compose(&mut bytes, 7, 3, 10);
        assert_eq!(bytes.len(), 42);
        bytes.extend([0; 22]);
        assert_eq!(length(&bytes).expect("whole"), 42);
        assert_eq!(key(&bytes).expect("whole"), 7);
        assert_eq!(tag(&bytes).expect("whole"), tag_of(7));
        assert!(length(&bytes[..41]).is_err() && key(&[]).is_err());
    }
}
