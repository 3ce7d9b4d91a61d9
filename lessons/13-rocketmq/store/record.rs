//! A message in the commit log (`MessageExtEncoder`, `CommitLog.checkMessageAndReturnSize`); big-endian.
//!
//! ```text
//!  0 total size   4     28 physical offset 8     64 store host  8
//!  4 magic        4     36 system flags    4     72 deliveries  4
//!  8 CRC of body  4     40 born, ms        8     76 transaction 8
//! 12 queue        4     48 born host       8     84 body        4 + n
//! 16 flags        4     56 stored, ms      8        topic       1 + n
//! 20 queue offset 8                                 properties  2 + n
//! ```

use std::time::Duration;

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_gettime};

use super::entry::hash_code;

/// `MESSAGE_MAGIC_CODE`: a record whose topic has at most 127 bytes.
const MAGIC: u32 = 0xDAA3_20A7;
/// `BLANK_MAGIC_CODE`: the rest of the file is empty.
const BLANK: u32 = 0xCBD4_3194;
/// `END_FILE_MIN_BLANK_LENGTH`: the size and the magic number of a blank.
pub(crate) const BLANK_BYTES: usize = 8;
/// Length of a record with an empty body, topic and properties.
const FIXED_BYTES: usize = 91;
/// Sender and store of every message: 127.0.0.1, and port 10911 of the product.
const HOST: [u8; 8] = [127, 0, 0, 1, 0, 0, 0x2A, 0x9F];
/// What stands before and after the tag among the properties.
const TAG: (&[u8], u8) = (b"TAGS\x01", 2);

/// What a producer sends.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) topic: &'a str,
    pub(crate) queue: u32,
    pub(crate) tag: &'a str,
    pub(crate) body: &'a [u8],
    /// When the producer made it, in ms since 1970.
    pub(crate) born_ms: u64,
}

impl Message<'_> {
    pub(crate) fn record_bytes(&self) -> usize {
        FIXED_BYTES + self.body.len() + self.topic.len() + self.properties_bytes()
    }

    fn properties_bytes(&self) -> usize {
        TAG.0.len() + self.tag.len() + 1
    }

    /// Replaces the content of `record`; the log says where it and its queue put the message.
    pub(crate) fn encode(
        &self,
        offset: u64,
        queue_offset: u64,
        record: &mut Vec<u8>,
    ) -> Result<()> {
        let total =
            u32::try_from(self.record_bytes()).context("the message has more than 4 GiB")?;
        let topic_bytes = i8::try_from(self.topic.len())
            .with_context(|| format!("topic {} is longer than 127 bytes", self.topic))?;
        let properties_bytes =
            u16::try_from(self.properties_bytes()).context("the tag has more than 64 KiB")?;
        record.clear();
        for field in [
            &total.to_be_bytes()[..],
            &MAGIC.to_be_bytes(),
            &crc(self.body).to_be_bytes(),
            &self.queue.to_be_bytes(),
            &[0; 4],
            &queue_offset.to_be_bytes(),
            &offset.to_be_bytes(),
            &[0; 4],
            &self.born_ms.to_be_bytes(),
            &HOST,
            &now_ms()?.to_be_bytes(),
            &HOST,
            &[0; 4 + 8],
            &(self.body.len() as u32).to_be_bytes(),
            self.body,
            &topic_bytes.to_be_bytes(),
            self.topic.as_bytes(),
            &properties_bytes.to_be_bytes(),
            TAG.0,
            self.tag.as_bytes(),
            &[TAG.1],
        ] {
            record.extend_from_slice(field);
        }
        Ok(())
    }
}

/// Declares the rest of a file empty.
pub(crate) fn blank(rest_bytes: usize) -> [u8; BLANK_BYTES] {
    let mut blank = [0; BLANK_BYTES];
    blank[..4].copy_from_slice(&(rest_bytes as u32).to_be_bytes());
    blank[4..].copy_from_slice(&BLANK.to_be_bytes());
    blank
}

/// `UtilAll.crc32` drops the sign bit, because Java has no unsigned numbers.
fn crc(body: &[u8]) -> u32 {
    crc32fast::hash(body) & 0x7FFF_FFFF
}

/// Milliseconds since 1970. Every machine can read the coarse clock without a system call, even one whose
/// clock source user mode cannot read (`do_coarse` in lib/vdso/gettimeofday.c).
fn now_ms() -> Result<u64> {
    let now = clock_gettime(ClockId::CLOCK_REALTIME_COARSE).context("clock_gettime")?;
    u64::try_from(Duration::from(now).as_millis()).context("the clock is far in the future")
}

/// What a whole record says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) bytes: usize,
    pub(crate) queue: u32,
    pub(crate) queue_offset: u64,
    pub(crate) offset: u64,
    pub(crate) topic: &'a str,
    pub(crate) tag_code: i64,
}

/// What the log holds at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    Record(Record<'a>),
    /// The log continues in the next file.
    Blank,
    /// Not a record, or not a whole one.
    Nothing,
}

impl<'a> Found<'a> {
    /// Decodes the beginning of these bytes, which may go on to the end of the file.
    pub(crate) fn at(bytes: &'a [u8]) -> Self {
        match (u32_at(bytes, 0), u32_at(bytes, 4)) {
            (Some(_), Some(BLANK)) => Found::Blank,
            (Some(total), Some(MAGIC)) => {
                let whole = bytes.get(..total as usize);
                whole.and_then(record).map_or(Found::Nothing, Found::Record)
            }
            _ => Found::Nothing,
        }
    }
}

/// Decodes bytes that are exactly one record, and checks it.
fn record(bytes: &[u8]) -> Option<Record<'_>> {
    let body_bytes = u32_at(bytes, 84)? as usize;
    let (body, rest) = bytes.get(88..)?.split_at_checked(body_bytes)?;
    let (&topic_bytes, rest) = rest.split_first()?;
    let (topic, rest) = rest.split_at_checked(topic_bytes.into())?;
    let (&properties_bytes, properties) = rest.split_first_chunk()?;
    // The checksum covers the body alone, so a record whose last bytes were never stored would pass without
    // this: a separator ends every property, and zero is not one.
    let is_closed = properties.last().is_none_or(|last| *last == TAG.1);
    let is_sound = crc(body) == u32_at(bytes, 8)?
        && properties.len() == usize::from(u16::from_be_bytes(properties_bytes))
        && is_closed;
    is_sound.then_some(Record {
        bytes: bytes.len(),
        queue: u32_at(bytes, 12)?,
        queue_offset: u64_at(bytes, 20)?,
        offset: u64_at(bytes, 28)?,
        topic: std::str::from_utf8(topic).ok()?,
        tag_code: tag(properties).map_or(0, hash_code),
    })
}

/// Bytes 1 and 2 separate names and values: `name 1 value 2 name 1 value 2`.
fn tag(properties: &[u8]) -> Option<&str> {
    let mut each = properties.split(|byte| *byte == TAG.1);
    let value = each.find_map(|property| property.strip_prefix(TAG.0))?;
    std::str::from_utf8(value).ok()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*field))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_be_bytes(*field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(body: &[u8]) -> Vec<u8> {
        let message = Message {
            topic: "orders",
            queue: 3,
            tag: "paid",
            body,
            born_ms: 1,
        };
        let mut record = Vec::new();
        message.encode(4096, 5, &mut record).expect("short");
        assert!(matches!(Found::at(&record), Found::Record(_)));
        record
    }

    #[test]
    fn a_record_cut_off_at_any_byte_is_not_found() {
        let record = encoded(b"one book");
        for stored in 0..record.len() {
            let mut torn = record.clone();
            torn[stored..].fill(0);
            assert_eq!(Found::at(&torn), Found::Nothing, "{stored}");
        }
    }

    #[test]
    fn a_record_with_one_wrong_bit_in_its_body_is_not_found() {
        let body = b"one book";
        for bit in 0..body.len() * 8 {
            let mut wrong = encoded(body);
            wrong[88 + bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Found::at(&wrong), Found::Nothing, "{bit}");
        }
    }
}
