//! What a system call is to the counters. The tracer fills the table for its architecture.

use crate::counters::Counter;

/// Entries of the call table; call numbers beyond it count as "other".
pub const CALL_TABLE: usize = 512;

/// How the payload of a call is found in its arguments and its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Rule {
    /// No payload.
    None,
    /// Result bytes went from the file behind descriptor (argument 1) to user memory.
    Read,
    /// Result bytes went from user memory to the file behind descriptor (argument 1).
    Write,
    /// Result bytes went from user memory into a socket; flags in argument 4.
    SendTo,
    /// Result bytes went from user memory into a socket; flags in argument 3.
    SendMsg,
    /// Result messages went into a socket; bytes stand in the `mmsghdr` array.
    SendMmsg,
    /// Result bytes came out of a socket; length in argument 3, flags in argument 4.
    ReceiveFrom,
    /// Result bytes came out of a socket; flags in argument 3.
    ReceiveMsg,
    /// Result messages came out of a socket; bytes stand in the `mmsghdr` array.
    ReceiveMmsg,
    /// Result bytes went from another process to this one.
    ProcessRead,
    /// Result bytes went from this process to another one.
    ProcessWrite,
    /// Result bytes went from a pipe to user memory, if the descriptor is open for reading.
    Vmsplice,
    /// Result bytes moved between descriptors.
    Transfer,
    /// Bytes that no way can tell, also if the result is 0: who waits in `io_uring_enter` may copy what was
    /// submitted earlier.
    Uncounted,
    /// Makes a ring of `io_uring`; parameters at argument 2.
    Ring,
    /// Changes the address space: what is known about mappings is stale.
    Remap,
    /// Creates a task. The child's first return is not a call of its own.
    Fork,
}

/// One entry of the call table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Call {
    /// The [`Counter`] of the call's class, as a byte.
    pub class: u8,
    /// A [`Rule`], as a byte.
    pub rule: u8,
}

impl Call {
    /// A call of this class and rule.
    #[must_use]
    pub const fn new(class: Counter, rule: Rule) -> Self {
        Call {
            class: class as u8,
            rule: rule as u8,
        }
    }

    /// What a number is that the table does not name.
    pub const OTHER: Call = Call::new(Counter::SyscallsOther, Rule::None);
}

/// `MSG_TRUNC` of `recv(2)`: the result may be longer than what was copied.
pub const MSG_TRUNC: u64 = 0x20;
/// `MSG_ZEROCOPY` of `send(2)`: asks that the payload be pinned, not copied (include/linux/socket.h).
pub const MSG_ZEROCOPY: u64 = 0x0400_0000;
/// `MSG_SPLICE_PAGES`: set by the kernel itself for sendfile and splice (include/linux/socket.h).
pub const MSG_SPLICE_PAGES: u64 = 0x0800_0000;
