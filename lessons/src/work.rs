//! What a round reports about its own work.

/// What a body says it did, so that checks can compare it with what the kernel counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Bytes moved or touched.
    pub bytes: u64,
    /// Pages moved or touched.
    pub pages: u64,
    /// Calls, messages or passes, as the lesson defines them.
    pub operations: u64,
}

impl Work {
    /// One load or store of one byte.
    pub const ONE_TOUCH: Work = Work {
        bytes: 1,
        pages: 1,
        operations: 1,
    };
}
