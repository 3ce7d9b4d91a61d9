//! Lengths in the message headers that programs pass to `sendmmsg`, `recvmmsg` and `recvmsg`.

use aya_ebpf::helpers::bpf_probe_read_user;

/// `sizeof(struct mmsghdr)` and the offset of `msg_len` in it on 64-bit (include/linux/socket.h).
const MMSGHDR_BYTES: u64 = 64;
const MSG_LEN: u64 = 56;
/// Messages of one call that are read; a call with more of them counts as a loss.
const MAX_MESSAGES: u64 = 64;

/// Sum of `msg_len` over an array of `mmsghdr`; `None` if there are too many or one cannot be read.
#[inline(always)]
pub(super) fn sum_of_lengths(messages: u64, count: u64) -> Option<u64> {
    if count > MAX_MESSAGES {
        return None;
    }
    let mut bytes = 0;
    for n in 0..MAX_MESSAGES {
        if n >= count {
            break;
        }
        let length = (messages + n * MMSGHDR_BYTES + MSG_LEN) as *const u32;
        // SAFETY: the helper checks the address.
        bytes += u64::from(unsafe { bpf_probe_read_user(length) }.ok()?);
    }
    Some(bytes)
}

/// Offsets of `msg_iov` and `msg_iovlen` in `struct user_msghdr` on 64-bit (include/linux/socket.h).
const MSG_IOV: u64 = 16;
const MSG_IOVLEN: u64 = 24;
/// `sizeof(struct iovec)`, and the offset of `iov_len` in it.
const IOVEC_BYTES: u64 = 16;
const IOV_LEN: u64 = 8;
/// Buffers of one message that are read; a call with more of them counts as a loss.
const MAX_BUFFERS: u64 = 16;

/// Bytes that fit into the buffers of a message; `None` if there are too many or one cannot be read.
#[inline(always)]
pub(super) fn capacity(message: u64) -> Option<u64> {
    // SAFETY: the helper checks every address.
    let read = |address: u64| unsafe { bpf_probe_read_user(address as *const u64) }.ok();
    let (buffers, count) = (read(message + MSG_IOV)?, read(message + MSG_IOVLEN)?);
    if count > MAX_BUFFERS {
        return None;
    }
    let mut bytes = 0;
    for n in 0..MAX_BUFFERS {
        if n >= count {
            break;
        }
        bytes += read(buffers + n * IOVEC_BYTES + IOV_LEN)?;
    }
    Some(bytes)
}
