//! One entry of a consume queue: where a message is in the log (`ConsumeQueue` in the product).

/// `CQ_STORE_UNIT_SIZE`
pub(crate) const ENTRY_BYTES: usize = 20;

/// Offset in the log (8 bytes), length of the record (4), hash of the tag (8); big-endian.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) offset: u64,
    pub(crate) bytes: u32,
    /// Lets a broker skip messages that a consumer did not ask for without reading the log.
    pub(crate) tag_code: i64,
}

impl Entry {
    pub(crate) fn encode(self) -> [u8; ENTRY_BYTES] {
        let mut entry = [0; ENTRY_BYTES];
        entry[..8].copy_from_slice(&self.offset.to_be_bytes());
        entry[8..12].copy_from_slice(&self.bytes.to_be_bytes());
        entry[12..].copy_from_slice(&self.tag_code.to_be_bytes());
        entry
    }

    /// `None` where no entry was written: no record has length 0.
    pub(crate) fn decode(entry: &[u8]) -> Option<Entry> {
        let (offset, rest) = entry.split_first_chunk::<8>()?;
        let (bytes, rest) = rest.split_first_chunk::<4>()?;
        let entry = Entry {
            offset: u64::from_be_bytes(*offset),
            bytes: u32::from_be_bytes(*bytes),
            tag_code: i64::from_be_bytes(*rest.first_chunk::<8>()?),
        };
        (entry.bytes > 0).then_some(entry)
    }
}

/// Java's `String.hashCode`: 31 times the hash so far, plus the next UTF-16 unit, in 32 bits.
pub(crate) fn hash_code(text: &str) -> i64 {
    let code = text.encode_utf16().fold(0_i32, |code, unit| {
        code.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    code.into()
}
