//! A reader of the store's files, written from the description of the format alone.
//!
//! It shares no code with the store, not even the checksum, and whatever is not as described is an error.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Length of a log file and of a queue file of the broker that the tests run.
const LOG_FILE: usize = 16 * 1024;
const QUEUE_FILE: usize = 30 * 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredMessage {
    pub(crate) place: u64,
    length: u32,
    topic: String,
    queue: u32,
    in_queue: u64,
    pub(crate) body: Vec<u8>,
    tag: String,
}

/// (topic, queue) → (offset in the log, length, hash of the tag) of each entry.
type Queues = BTreeMap<(String, u32), Vec<(u64, u32, i64)>>;

/// A store whose broker ended normally.
pub(crate) struct StoredState {
    pub(crate) messages: Vec<StoredMessage>,
    pub(crate) queues: Queues,
    pub(crate) files: usize,
    pub(crate) blanks: usize,
}

struct StoredLog {
    messages: Vec<StoredMessage>,
    files: usize,
    blanks: usize,
    /// What follows the last message.
    rest: Vec<u8>,
}

/// The messages before the first thing that is not one, in a log whose broker may be dead.
pub(crate) fn beginning_of_log(home: &Path) -> Vec<StoredMessage> {
    log(home).map(|log| log.messages).expect("a log")
}

impl StoredState {
    pub(crate) fn read(home: &Path) -> Result<StoredState> {
        let log = log(home)?;
        ensure!(is_zero(&log.rest), "the log has something behind its end");
        ensure!(!home.join("abort").exists(), "the file abort exists");
        let state = StoredState {
            messages: log.messages,
            queues: queues(home)?,
            files: log.files,
            blanks: log.blanks,
        };
        state.check_index()?;
        Ok(state)
    }

    /// Every message has the entry with its number in its queue, and there is no other entry.
    fn check_index(&self) -> Result<()> {
        let mut expected = Queues::new();
        for message in &self.messages {
            let queue = (message.topic.clone(), message.queue);
            let entries = expected.entry(queue).or_default();
            ensure!(message.in_queue == entries.len() as u64, "{message:?}");
            entries.push((message.place, message.length, java_hash(&message.tag)));
        }
        let mut written = self.queues.clone();
        written.retain(|_, entries| !entries.is_empty());
        ensure!(written == expected, "{written:?} and not {expected:?}");
        Ok(())
    }
}

fn log(home: &Path) -> Result<StoredLog> {
    let files = files(&home.join("commitlog"), LOG_FILE)?;
    let mut log = StoredLog {
        messages: Vec::new(),
        files: files.len(),
        blanks: 0,
        rest: Vec::new(),
    };
    for (number, file) in files.iter().enumerate() {
        let begin = (number * LOG_FILE) as u64;
        let mut here = 0;
        while let Some(message) = message(&file[here..], begin + here as u64) {
            here += message.length as usize;
            log.messages.push(message);
        }
        let rest = &file[here..];
        let is_blank = rest.len() >= 8
            && be(&rest[..4]) == rest.len() as u64
            && be(&rest[4..8]) == 0xCBD4_3194
            && is_zero(&rest[8..]);
        if !is_blank {
            log.rest = [rest, &files[number + 1..].concat()].concat();
            break;
        }
        log.blanks += 1;
    }
    Ok(log)
}

/// A message that is whole and correct in every field, and is where it says.
fn message(bytes: &[u8], place: u64) -> Option<StoredMessage> {
    let length = be(bytes.get(..4)?) as usize;
    let record = bytes.get(..length)?;
    let field = |at: usize, length: usize| record.get(at..at + length);
    let number = |at: usize, length: usize| field(at, length).map(be);
    let body_length = number(84, 4)? as usize;
    let body = field(88, body_length)?.to_vec();
    let topic_at = 88 + body_length;
    let topic_length = number(topic_at, 1)? as usize;
    let properties_at = topic_at + 1 + topic_length;
    let properties_length = number(properties_at, 2)? as usize;
    let properties =
        String::from_utf8(field(properties_at + 2, properties_length)?.to_vec()).ok()?;
    // 127.0.0.1, port 10911.
    let host = [127, 0, 0, 1, 0, 0, 0x2A, 0x9F];
    let is_right = number(4, 4)? == 0xDAA3_20A7
        && number(8, 4)? == u64::from(crc_32(&body)) & 0x7FFF_FFFF
        && number(16, 4)? == 0
        && number(28, 8)? == place
        && number(36, 4)? == 0
        && field(48, 8)? == host
        // Between 2023 and 2096.
        && (1_700_000_000_000..4_000_000_000_000).contains(&number(56, 8)?)
        && field(64, 8)? == host
        && field(72, 12)? == [0; 12]
        && length == properties_at + 2 + properties_length;
    let tag = properties.strip_prefix("TAGS\x01")?.strip_suffix('\x02')?;
    is_right.then_some(StoredMessage {
        place,
        length: length as u32,
        topic: String::from_utf8(field(topic_at + 1, topic_length)?.to_vec()).ok()?,
        queue: number(12, 4)? as u32,
        in_queue: number(20, 8)?,
        body,
        tag: tag.to_owned(),
    })
}

fn queues(home: &Path) -> Result<Queues> {
    let mut queues = BTreeMap::new();
    for topic in names(&home.join("consumequeue")) {
        for queue in names(&home.join("consumequeue").join(&topic)) {
            let directory = home.join("consumequeue").join(&topic).join(&queue);
            let bytes = files(&directory, QUEUE_FILE)?.concat();
            let mut entries = Vec::new();
            let mut chunks = bytes.chunks(20);
            for entry in chunks.by_ref().take_while(|entry| !is_zero(entry)) {
                let tag = i64::from_be_bytes(entry[12..].try_into().expect("8 bytes"));
                entries.push((be(&entry[..8]), be(&entry[8..12]) as u32, tag));
            }
            ensure!(
                chunks.all(is_zero),
                "an entry behind the end of {topic}/{queue}"
            );
            queues.insert((topic.clone(), queue.parse()?), entries);
        }
    }
    Ok(queues)
}

/// The content of all files of a directory; their names must follow from their length.
fn files(directory: &Path, length: usize) -> Result<Vec<Vec<u8>>> {
    let mut contents = Vec::new();
    let names = names(directory);
    for (number, name) in names.iter().enumerate() {
        let expected = format!("{:020}", number * length);
        ensure!(*name == expected, "a file {name} and not {expected}");
        let content = fs::read(directory.join(name)).context("reading a file")?;
        // A broker can die after it has created a file and before it has set its length.
        if content.is_empty() && number + 1 == names.len() {
            break;
        }
        ensure!(content.len() == length, "{name}: {} bytes", content.len());
        contents.push(content);
    }
    Ok(contents)
}

/// The names in a directory, sorted; none if it does not exist.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().display().to_string());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// A number whose most significant byte comes first.
fn be(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The checksum of zlib, computed bit by bit.
fn crc_32(bytes: &[u8]) -> u32 {
    let mut register = u32::MAX;
    for byte in bytes {
        register ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = register & 1;
            register = (register >> 1) ^ (carry * 0xEDB8_8320);
        }
    }
    !register
}

/// Java's `String.hashCode` of an ASCII text.
fn java_hash(text: &str) -> i64 {
    let mut hash = 0_i64;
    for letter in text.chars() {
        hash = (hash * 31 + letter as i64) & 0xFFFF_FFFF;
    }
    i64::from((hash.cast_unsigned() as u32).cast_signed())
}

#[test]
fn checksum_and_hash_agree_with_zlib_and_java() {
    // The check value of the CRC-32 catalogue, and what Java prints.
    assert_eq!(crc_32(b"123456789"), 0xCBF4_3926);
    assert_eq!(java_hash("hello"), 99_162_322);
    assert_eq!(java_hash("polygenelubricants"), i64::from(i32::MIN));
}
