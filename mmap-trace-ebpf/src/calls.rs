//! What each system call does, as far as the counters are concerned.
//!
//! The tracer fills one table for the native calls of its architecture and one for 32-bit calls before it
//! loads the programs; the program at `sys_exit` looks each call up in one of them.

use crate::counters::Counter;

/// Entries of a call table; larger call numbers are [`Call::UNKNOWN`].
pub const CALL_TABLE: usize = 512;

/// How the arguments and the result of a call tell its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Rule {
    /// There is no payload.
    None,
    /// Nobody knows the call: the bytes are unknown unless the kernel does not know it either.
    Unknown,
    /// The result is the bytes copied from the descriptor in argument 1 to user memory.
    Read,
    /// The result is the bytes copied from user memory to the descriptor in argument 1.
    Write,
    /// The result is the bytes sent to a socket; argument 4 holds the flags.
    SendTo,
    /// The result is the bytes sent to a socket; argument 3 holds the flags.
    SendMsg,
    /// The result is the messages sent to a socket; the `mmsghdr` array holds their bytes.
    SendMmsg,
    /// The result is the bytes received from a socket; argument 3 holds the buffer's length, argument 4
    /// the flags.
    ReceiveFrom,
    /// The result is the bytes received from a socket; argument 3 holds the flags.
    ReceiveMsg,
    /// The result is the messages received from a socket; the `mmsghdr` array holds their bytes.
    ReceiveMmsg,
    /// The result is the bytes copied from another process.
    ProcessRead,
    /// The result is the bytes copied to another process.
    ProcessWrite,
    /// The result is the bytes copied from a pipe to user memory if the descriptor is open for reading;
    /// otherwise nothing was copied.
    Vmsplice,
    /// The result is the bytes moved between two descriptors.
    Transfer,
    /// The call submits requests of `io_uring` or waits for them. Where no program sees each request, its bytes
    /// are unknown, even if the result is 0: it may copy for requests that were submitted earlier.
    Enter,
    /// The result is the requests of native AIO that were submitted; argument 3 lists them.
    AioSubmit,
    /// The result is the events of native AIO that were returned; argument 4 is their array.
    AioEvents,
    /// The call creates a ring of `io_uring`; argument 2 points to its parameters.
    Ring,
    /// The call changes the address space, so that cached mappings become invalid.
    Remap,
    /// The result is a new descriptor.
    Open,
    /// The call closes the descriptor in argument 1.
    Close,
    /// The call closes descriptors from argument 1 on.
    CloseRange,
    /// The call makes the descriptor in argument 2 refer to another file.
    Duplicate,
    /// The call sends a message of the length in argument 3 to a queue.
    QueueSend,
    /// The result is the bytes received from a message queue.
    QueueReceive,
    /// `getsockopt`: one option copies payload, as its structure tells.
    SocketOption,
    /// `ioctl`: a few commands move payload that only their structures describe.
    Control,
    /// `socketcall` of 32 bits: argument 1 selects a call, and argument 2 points to its arguments.
    SocketCall,
    /// `ipc` of 32 bits: argument 1 selects a call of System V IPC.
    InterProcessCall,
    /// The call creates a task; the child's return from it is not a call that the child made.
    Fork,
}

/// One entry of the call table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Call {
    /// The [`Counter`] that counts calls of this class, as a byte.
    pub class: u8,
    /// A [`Rule`], as a byte.
    pub rule: u8,
}

impl Call {
    /// An entry with this class and rule.
    #[must_use]
    pub const fn new(class: Counter, rule: Rule) -> Self {
        Call {
            class: class as u8,
            rule: rule as u8,
        }
    }

    /// The entry of every number that the tracer does not list.
    pub const UNKNOWN: Call = Call::new(Counter::SyscallsOther, Rule::Unknown);
}

/// `MSG_TRUNC` of `recv(2)`: the result may exceed the bytes copied.
pub const MSG_TRUNC: u64 = 0x20;
/// `MSG_ZEROCOPY` of `send(2)`: asks the kernel to pin the payload instead of copying it
/// (include/linux/socket.h).
pub const MSG_ZEROCOPY: u64 = 0x0400_0000;
/// `MSG_SPLICE_PAGES`: the kernel itself sets it for sendfile and splice (include/linux/socket.h).
pub const MSG_SPLICE_PAGES: u64 = 0x0800_0000;
