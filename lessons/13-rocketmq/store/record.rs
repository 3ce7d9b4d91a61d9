//! One message as it stands in the commit log (`MessageExtEncoder`, `CommitLog.checkMessageAndReturnSize`).
//! All numbers are big-endian.
//!
//! ```text
//!  0 total size   4     28 physical offset 8     64 store host  8
//!  4 magic        4     36 system flags    4     72 deliveries  4
//!  8 CRC of body  4     40 born, ms        8     76 transaction 8
//! 12 queue        4     48 born host       8     84 body        4 + n
//! 16 flags        4     56 stored, ms      8        topic       1 + n
//! 20 queue offset 8                                 properties  2 + n
//! ```

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};

use super::entry::hash_code;

/// A record, with a topic of at most 127 bytes (`MESSAGE_MAGIC_CODE`).
const MAGIC: u32 = 0xDAA3_20A7;
/// The rest of the file is empty (`BLANK_MAGIC_CODE`).
const BLANK: u32 = 0xCBD4_3194;
/// Bytes of a record whose body, topic and properties are empty.
pub(crate) const FIXED_BYTES: usize = 91;
/// What a blank writes: its size and its magic (`END_FILE_MIN_BLANK_LENGTH`).
pub(crate) const BLANK_BYTES: usize = 8;

/// Who sends and who stores: this machine, and the product's port.
const HOST: (Ipv4Addr, u32) = (Ipv4Addr::LOCALHOST, 10_911);
/// The property whose value is the tag, up to the tag, and behind it.
const TAG: (&[u8], u8) = (b"TAGS\x01", 2);

/// What a producer hands over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) topic: &'a str,
    pub(crate) queue: u32,
    pub(crate) tag: &'a str,
    pub(crate) body: &'a [u8],
    /// When it was made, in ms since 1970.
    pub(crate) born_ms: u64,
}

/// What the log adds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    /// How many messages were in its queue before it.
    pub(crate) queue_offset: u64,
    /// Where it stands in the log.
    pub(crate) offset: u64,
    /// When it was stored, in ms since 1970.
    pub(crate) stored_ms: u64,
}

impl Message<'_> {
    /// Bytes of its record.
    pub(crate) fn record_bytes(&self) -> usize {
        FIXED_BYTES + self.body.len() + self.topic.len() + self.properties_bytes()
    }

    fn properties_bytes(&self) -> usize {
        TAG.0.len() + self.tag.len() + 1
    }

    /// Replaces what is in the buffer by the record.
    pub(crate) fn encode(&self, placed: Placed, record: &mut Vec<u8>) -> Result<()> {
        let total = u32::try_from(self.record_bytes()).context("a message of more than 4 GiB")?;
        let topic_bytes = i8::try_from(self.topic.len())
            .with_context(|| format!("topic {} is longer than 127 bytes", self.topic))?;
        let properties_bytes =
            u16::try_from(self.properties_bytes()).context("a tag of more than 64 KiB")?;
        record.clear();
        let mut put = |field: &[u8]| record.extend_from_slice(field);
        put(&total.to_be_bytes());
        put(&MAGIC.to_be_bytes());
        put(&crc(self.body).to_be_bytes());
        put(&self.queue.to_be_bytes());
        put(&0_u32.to_be_bytes());
        put(&placed.queue_offset.to_be_bytes());
        put(&placed.offset.to_be_bytes());
        put(&0_u32.to_be_bytes());
        put(&self.born_ms.to_be_bytes());
        put(&host());
        put(&placed.stored_ms.to_be_bytes());
        put(&host());
        put(&0_u32.to_be_bytes());
        put(&0_u64.to_be_bytes());
        put(&(self.body.len() as u32).to_be_bytes());
        put(self.body);
        put(&topic_bytes.to_be_bytes());
        put(self.topic.as_bytes());
        put(&properties_bytes.to_be_bytes());
        put(TAG.0);
        put(self.tag.as_bytes());
        put(&[TAG.1]);
        ensure!(record.len() == total as usize, "a record of another length");
        Ok(())
    }
}

/// Declares the rest of a file empty: so many bytes.
pub(crate) fn blank(rest_bytes: usize) -> [u8; BLANK_BYTES] {
    let mut blank = [0; BLANK_BYTES];
    blank[..4].copy_from_slice(&(rest_bytes as u32).to_be_bytes());
    blank[4..].copy_from_slice(&BLANK.to_be_bytes());
    blank
}

/// Without the sign bit: Java has no unsigned numbers (`UtilAll.crc32`).
fn crc(body: &[u8]) -> u32 {
    crc32fast::hash(body) & 0x7FFF_FFFF
}

fn host() -> [u8; 8] {
    let mut host = [0; 8];
    host[..4].copy_from_slice(&HOST.0.octets());
    host[4..].copy_from_slice(&HOST.1.to_be_bytes());
    host
}

/// A record that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) bytes: usize,
    pub(crate) queue: u32,
    pub(crate) queue_offset: u64,
    /// Where it says that it stands.
    pub(crate) offset: u64,
    pub(crate) stored_ms: u64,
    pub(crate) body: &'a [u8],
    pub(crate) topic: &'a str,
    /// Of its tag.
    pub(crate) tag_code: i64,
}

/// What stands at a place of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    Record(Record<'a>),
    /// Go on with the next file.
    Blank,
    /// No record, or not a whole one.
    Nothing,
}

impl<'a> Found<'a> {
    /// Looks at the beginning of these bytes, which reach to the end of a file at most.
    pub(crate) fn at(bytes: &'a [u8]) -> Self {
        let mut fields = Fields(bytes);
        match (fields.u32(), fields.u32()) {
            (Some(_), Some(BLANK)) => Found::Blank,
            (Some(total), Some(MAGIC)) => {
                let whole = bytes.get(..total as usize);
                whole.and_then(record).map_or(Found::Nothing, Found::Record)
            }
            _ => Found::Nothing,
        }
    }
}

/// A record that fills these bytes and whose body is what was written.
fn record(bytes: &[u8]) -> Option<Record<'_>> {
    let mut fields = Fields(bytes.get(8..)?);
    let body_crc = fields.u32()?;
    let queue = fields.u32()?;
    fields.skip(4)?;
    let queue_offset = fields.u64()?;
    let offset = fields.u64()?;
    fields.skip(4 + 8 + 8)?;
    let stored_ms = fields.u64()?;
    fields.skip(8 + 4 + 8)?;
    let body_bytes = fields.u32()?;
    let body = fields.bytes(body_bytes as usize)?;
    let [topic_bytes] = fields.array()?;
    let topic = std::str::from_utf8(fields.bytes(topic_bytes.into())?).ok()?;
    let properties_bytes = u16::from_be_bytes(fields.array()?);
    let properties = fields.bytes(properties_bytes.into())?;
    // The checksum does not cover the properties, so a record whose last bytes were never stored would pass.
    // Zeros are not the separator that ends every property.
    let is_closed = properties.last().is_none_or(|last| *last == TAG.1);
    let is_sound = fields.0.is_empty() && crc(body) == body_crc && is_closed;
    is_sound.then_some(Record {
        bytes: bytes.len(),
        queue,
        queue_offset,
        offset,
        stored_ms,
        body,
        topic,
        tag_code: tag(properties).map_or(0, hash_code),
    })
}

/// `name 1 value 2 name 1 value 2 …`
fn tag(properties: &[u8]) -> Option<&str> {
    let mut each = properties.split(|byte| *byte == TAG.1);
    let value = each.find_map(|property| property.strip_prefix(TAG.0))?;
    std::str::from_utf8(value).ok()
}

/// What is left to be read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(field)
    }

    fn array<const BYTES: usize>(&mut self) -> Option<[u8; BYTES]> {
        self.bytes(BYTES)?.try_into().ok()
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.bytes(count).map(drop)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: Message = Message {
        topic: "orders",
        queue: 3,
        tag: "paid",
        body: b"one book",
        born_ms: 1,
    };

    fn encoded() -> Vec<u8> {
        let placed = Placed {
            queue_offset: 5,
            offset: 4096,
            stored_ms: 2,
        };
        let mut record = Vec::new();
        MESSAGE.encode(placed, &mut record).expect("short");
        record
    }

    #[test]
    fn a_record_says_what_was_put_into_it_and_how_long_it_is() {
        let mut bytes = encoded();
        let length = bytes.len();
        assert_eq!(length, MESSAGE.record_bytes());
        bytes.extend([0xEE; 100]);
        let Found::Record(record) = Found::at(&bytes) else {
            panic!("no record");
        };
        assert_eq!((record.bytes, record.queue), (length, 3));
        assert_eq!((record.queue_offset, record.offset), (5, 4096));
        assert_eq!((record.topic, record.body), ("orders", &b"one book"[..]));
        assert_eq!(record.tag_code, hash_code("paid"));
    }

    #[test]
    fn a_record_of_which_only_the_beginning_was_stored_is_none_wherever_it_ends() {
        let record = encoded();
        for stored in 0..record.len() {
            let mut torn = record.clone();
            torn[stored..].fill(0);
            assert_eq!(Found::at(&torn), Found::Nothing, "{stored}");
        }
    }

    #[test]
    fn a_body_of_which_a_bit_is_wrong_is_none() {
        let record = encoded();
        for bit in 0..MESSAGE.body.len() * 8 {
            let mut wrong = record.clone();
            wrong[88 + bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Found::at(&wrong), Found::Nothing, "{bit}");
        }
    }

    #[test]
    fn a_blank_is_known_by_its_first_eight_bytes() {
        assert_eq!(Found::at(&blank(100)), Found::Blank);
        assert_eq!(Found::at(&blank(100)[..7]), Found::Nothing);
        assert_eq!(Found::at(&[]), Found::Nothing);
    }

    #[test]
    fn a_topic_that_needs_a_longer_length_is_refused() {
        let topic = "t".repeat(128);
        let message = Message {
            topic: &topic,
            ..MESSAGE
        };
        let placed = Placed {
            queue_offset: 0,
            offset: 0,
            stored_ms: 0,
        };
        assert!(message.encode(placed, &mut Vec::new()).is_err());
    }
}
