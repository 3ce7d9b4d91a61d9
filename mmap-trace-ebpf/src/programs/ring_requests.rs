//! What a request of io_uring does, and which of its events tell how many bytes it moved.

use aya_ebpf::helpers::bpf_probe_read_user;
use mmap_trace_ebpf::{
    calls::{MSG_TRUNC, MSG_ZEROCOPY},
    offsets::Offset,
    tables::RingRequest,
};

use crate::fields::probe;

/// What the result of a request tells.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// It moves no payload, and one event tells its result.
    Empty,
    /// It moves no payload, but may post several events.
    Posting,
    /// Bytes read from a file.
    Read,
    /// Bytes written to a file.
    Write,
    /// Bytes received from a socket.
    Receive,
    /// Bytes sent to a socket.
    Send,
    /// Bytes moved between two descriptors.
    Splice,
    /// Nothing that the tracer knows.
    Unknown,
}

/// `IORING_OP_RECVMSG` and `IORING_OP_READ_MULTISHOT`.
const RECVMSG: u8 = 10;
const READ_MULTISHOT: u8 = 49;

/// The operations of `enum io_uring_op` (include/uapi/linux/io_uring.h). CLOSE is unknown because it changes
/// what a descriptor means, and MADVISE because it changes mappings.
#[inline(always)]
pub(super) fn request(opcode: u8) -> Request {
    match opcode {
        // READV, READ_FIXED, READ, READ_MULTISHOT, READV_FIXED.
        1 | 4 | 22 | READ_MULTISHOT | 60 => Request::Read,
        // WRITEV, WRITE_FIXED, WRITE, WRITEV_FIXED.
        2 | 5 | 23 | 61 => Request::Write,
        // RECVMSG, RECV.
        RECVMSG | 27 => Request::Receive,
        // SENDMSG, SEND.
        9 | 26 => Request::Send,
        30 => Request::Splice,
        // POLL_ADD, ACCEPT.
        6 | 13 => Request::Posting,
        // NOP, FSYNC, POLL_REMOVE, SYNC_FILE_RANGE, TIMEOUT, TIMEOUT_REMOVE, ASYNC_CANCEL, LINK_TIMEOUT,
        // CONNECT, FALLOCATE, OPENAT, FILES_UPDATE, STATX, FADVISE, OPENAT2, EPOLL_CTL, PROVIDE_BUFFERS,
        // REMOVE_BUFFERS, TEE, SHUTDOWN, RENAMEAT, UNLINKAT, MKDIRAT, SYMLINKAT, LINKAT, FSETXATTR to
        // GETXATTR, SOCKET, WAITID, FUTEX_WAIT to FTRUNCATE, BIND, LISTEN, EPOLL_WAIT.
        0
        | 3
        | 7
        | 8
        | 11
        | 12
        | 14..=18
        | 20
        | 21
        | 24
        | 28
        | 29
        | 31..=39
        | 41..=45
        | 50..=57
        | 59 => Request::Empty,
        _ => Request::Unknown,
    }
}

/// Which events will tell the bytes of the request, as a constant of [`RingRequest`].
#[inline(always)]
pub(super) fn events(request: *const u8, opcode: u8, kind: Request) -> u64 {
    // IOSQE_CQE_SKIP_SUCCESS, which the flags of a request begin with (include/linux/io_uring_types.h).
    const SKIPS_SUCCESS: u32 = 1 << 6;
    // IORING_RECVSEND_POLL_FIRST, IORING_RECV_MULTISHOT, and IORING_SEND_VECTORIZED, which newer kernels set for
    // SENDMSG; other flags ask for bundles or for no copy.
    const POLL_FIRST: u16 = 1;
    const MULTISHOT: u16 = 2;
    const VECTORIZED: u16 = 1 << 5;
    if matches!(kind, Request::Posting | Request::Unknown) {
        return RingRequest::UNKNOWN_EVENTS;
    }
    let flags = probe::<u32>(request, Offset::RequestFlags);
    let is_message = matches!(kind, Request::Receive | Request::Send);
    if flags.is_none_or(|flags| flags & SKIPS_SUCCESS != 0) {
        return if is_message || opcode == READ_MULTISHOT {
            RingRequest::UNKNOWN_EVENTS
        } else {
            RingRequest::NO_EVENT
        };
    }
    if opcode == READ_MULTISHOT {
        return RingRequest::EVENTS;
    }
    if !is_message {
        return RingRequest::ONE_EVENT;
    }
    let message = probe::<u32>(request, Offset::RingMessageFlags).map_or(u64::MAX, u64::from);
    let asked = probe::<u16>(request, Offset::RingMessageRequest).unwrap_or(u16::MAX)
        & !(POLL_FIRST | VECTORIZED);
    match (message & (MSG_TRUNC | MSG_ZEROCOPY), asked, kind) {
        (0, 0, _) => RingRequest::ONE_EVENT,
        (0, MULTISHOT, Request::Receive) if opcode != RECVMSG || message & MSG_COMPAT == 0 => {
            RingRequest::EVENTS
        }
        _ => RingRequest::UNKNOWN_EVENTS,
    }
}

/// `MSG_CMSG_COMPAT`: the message header is that of a 32-bit program (include/linux/socket.h).
const MSG_COMPAT: u64 = 0x8000_0000;

/// What a repeated RECVMSG puts before each payload, and counts (`io_recvmsg_multishot`, io_uring/net.c).
#[inline(always)]
pub(super) fn header_bytes(request: *const u8, opcode: u8) -> u64 {
    // sizeof(struct io_uring_recvmsg_out), and msg_namelen and msg_controllen in struct user_msghdr.
    const HEADER: u64 = 16;
    const NAME_LENGTH: u64 = 8;
    const CONTROL_LENGTH: u64 = 40;
    if opcode != RECVMSG {
        return 0;
    }
    let message: u64 = probe(request, Offset::RingMessage).unwrap_or(0);
    // SAFETY: the helper checks both addresses.
    unsafe {
        let name = bpf_probe_read_user((message + NAME_LENGTH) as *const u32);
        let control = bpf_probe_read_user((message + CONTROL_LENGTH) as *const u64);
        match (name, control) {
            (Ok(name), Ok(control)) => HEADER + u64::from(name) + control,
            // Then no event is long enough.
            _ => u64::MAX,
        }
    }
}
