//! What the two ends of the connection share: the form of a request, and counters for the lesson.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use lessons::Scenario;

/// Room for the longest answer.
pub(crate) const ANSWER_BYTES: usize = 256 << 10;

/// Asks for at most [`PullRequest::MAX_MESSAGES`] messages of a queue, from number `first` on.
#[derive(Clone, Copy)]
pub(crate) struct PullRequest {
    pub(crate) queue: u32,
    pub(crate) first: u64,
}

impl PullRequest {
    pub(crate) const BYTES: usize = 12;
    /// The product's limit for messages that are in memory (`maxTransferCountOnMessageInMemory`).
    pub(crate) const MAX_MESSAGES: u64 = 32;

    pub(crate) fn encode(self) -> [u8; Self::BYTES] {
        let mut request = [0; Self::BYTES];
        request[..4].copy_from_slice(&self.queue.to_be_bytes());
        request[4..].copy_from_slice(&self.first.to_be_bytes());
        request
    }

    pub(crate) fn decode(request: [u8; Self::BYTES]) -> Self {
        let [q0, q1, q2, q3, first @ ..] = request;
        PullRequest {
            queue: u32::from_be_bytes([q0, q1, q2, q3]),
            first: u64::from_be_bytes(first),
        }
    }
}

/// Shared memory in which both processes count what no kernel counts.
#[derive(Default)]
pub(crate) struct AnswerBoard {
    pub(crate) requests: AtomicU64,
    pub(crate) user_copied_bytes: AtomicU64,
    pub(crate) received_messages: AtomicU64,
    pub(crate) damaged_messages: AtomicU64,
    /// How often the consumer gave up the CPU because there was nothing to read yet.
    pub(crate) consumer_sleeps: AtomicU64,
}

impl AnswerBoard {
    pub(crate) fn observe(&self, scenario: &Scenario) {
        for (name, number) in [
            ("requests", &self.requests),
            ("user_copied_bytes", &self.user_copied_bytes),
            ("received_messages", &self.received_messages),
            ("damaged_messages", &self.damaged_messages),
            ("consumer_sleeps", &self.consumer_sleeps),
        ] {
            scenario.observe(name, number.load(Relaxed).cast_signed());
        }
    }
}
