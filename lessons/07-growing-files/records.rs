//! Records of many lengths, one behind the other, as in a log.

use lessons::data::mix;

/// The longest record, including its length field.
const LONGEST: usize = 256;
const SHORTEST: usize = 16;

/// Bytes to append, and the length of each record.
pub(crate) struct Records {
    bytes: Vec<u8>,
    lengths: Vec<u16>,
}

impl Records {
    /// Makes as many records as fit into this many bytes, the same in every run.
    pub(crate) fn filling(bytes: usize) -> Self {
        let mut records = Records {
            bytes: Vec::with_capacity(bytes),
            lengths: Vec::new(),
        };
        loop {
            let number = records.lengths.len() as u64;
            let length = SHORTEST + (mix(number) % (LONGEST - SHORTEST + 1) as u64) as usize;
            if records.bytes.len() + length > bytes {
                return records;
            }
            let end = records.bytes.len() + length;
            // No record is longer than LONGEST, which fits into 16 bits.
            records.lengths.push(length as u16);
            records
                .bytes
                .extend_from_slice(&(length as u16).to_le_bytes());
            let content = mix(!number).to_le_bytes();
            let missing = end - records.bytes.len();
            records
                .bytes
                .extend(content.into_iter().cycle().take(missing));
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[..];
        self.lengths.iter().map(move |length| {
            let (record, behind) = rest.split_at(usize::from(*length));
            rest = behind;
            record
        })
    }

    /// All records together.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn count(&self) -> usize {
        self.lengths.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_fill_the_space_and_begin_with_their_length() {
        for space in [4096, 10_000, 1 << 20] {
            let records = Records::filling(space);
            let rest = space - records.bytes().len();
            assert!(rest <= LONGEST, "{rest} of {space} bytes are left");
            let mut whole = Vec::new();
            for record in records.iter() {
                let length = u16::from_le_bytes([record[0], record[1]]);
                assert_eq!(usize::from(length), record.len());
                assert!((SHORTEST..=LONGEST).contains(&record.len()));
                whole.extend_from_slice(record);
            }
            assert_eq!(whole, records.bytes());
            assert_eq!(records.iter().count(), records.count());
        }
    }
}
