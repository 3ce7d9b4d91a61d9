//! The messages: each depends on its number alone, and they are made in the places of a ring.

use lessons::Round;
use lessons::mapping::sum;

/// Bytes of a message; the last one may be shorter. A pipe holds exactly one.
pub(crate) const MESSAGE: usize = 64 << 10;

/// The number and the length of each message.
pub(crate) fn messages(bytes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..bytes.div_ceil(MESSAGE)).map(move |number| (number, MESSAGE.min(bytes - number * MESSAGE)))
}

/// Where a message lies in a ring of this many bytes.
pub(crate) fn place(number: usize, length: usize, ring_bytes: usize) -> std::ops::Range<usize> {
    let start = number * MESSAGE % ring_bytes;
    start..start + length
}

/// Writes a message and returns its sum.
pub(crate) fn make(message: &mut [u8], number: usize) -> u64 {
    let first = (number * MESSAGE) as u64;
    for (word, bytes) in (first..).zip(message.chunks_mut(8)) {
        // An odd factor gives each word a different value.
        let value = word.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
        bytes.copy_from_slice(&value[..bytes.len()]);
    }
    sum(message)
}

/// Reports that a round carries all of the data, message by message.
pub(crate) fn report(round: &mut Round, bytes: usize) {
    round.work.bytes = bytes as u64;
    round.work.operations = messages(bytes).count() as u64;
}
