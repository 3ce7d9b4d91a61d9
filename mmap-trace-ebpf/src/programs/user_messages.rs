//! Lengths in the message headers that programs pass to `sendmmsg`, `recvmmsg` and `recvmsg`.

use aya_ebpf::helpers::{bpf_probe_read_user, generated::bpf_loop};
use core::ffi::c_void;

/// Entries that are read of one array; `sendmsg` takes at most 1,024 buffers (`UIO_MAXIOV`).
const MAX_ENTRIES: u64 = 1 << 16;

/// Where the structures of a call have their fields (include/linux/socket.h, include/net/compat.h).
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// `sizeof(struct mmsghdr)` and the offset of `msg_len` in it.
    header_bytes: u64,
    message_length: u64,
    /// Offsets of `msg_iov` and `msg_iovlen` in `struct user_msghdr`.
    buffers: u64,
    buffer_count: u64,
    /// `sizeof(struct iovec)`, and the offset of `iov_len` in it.
    buffer_bytes: u64,
    buffer_length: u64,
    /// Keeps the bits of a word, which is as wide as a pointer.
    pub(super) word_mask: u64,
}

impl Layout {
    /// That of 64-bit calls.
    pub(super) const NATIVE: Layout = Layout {
        header_bytes: 64,
        message_length: 56,
        buffers: 16,
        buffer_count: 24,
        buffer_bytes: 16,
        buffer_length: 8,
        word_mask: u64::MAX,
    };
    /// That of 32-bit calls.
    pub(super) const OF_32_BITS: Layout = Layout {
        header_bytes: 32,
        message_length: 28,
        buffers: 8,
        buffer_count: 12,
        buffer_bytes: 8,
        buffer_length: 4,
        word_mask: 0xffff_ffff,
    };

    /// Reads a word.
    #[inline(always)]
    pub(super) fn word(&self, address: u64) -> Option<u64> {
        // SAFETY: the helper checks every address.
        unsafe {
            if self.word_mask == u64::MAX {
                bpf_probe_read_user(address as *const u64).ok()
            } else {
                bpf_probe_read_user(address as *const u32)
                    .ok()
                    .map(u64::from)
            }
        }
    }
}

/// Sum of `msg_len` over an array of `mmsghdr`; `None` if one cannot be read.
#[inline(always)]
pub(super) fn sum_of_lengths(layout: Layout, messages: u64, count: u64) -> Option<u64> {
    let first = messages + layout.message_length;
    sum(first, layout.header_bytes, 0xffff_ffff, count)
}

/// Bytes that fit into the buffers of a message; `None` if one cannot be read.
#[inline(always)]
pub(super) fn capacity(layout: Layout, message: u64) -> Option<u64> {
    let buffers = layout.word(message + layout.buffers)?;
    let count = layout.word(message + layout.buffer_count)?;
    let first = buffers + layout.buffer_length;
    sum(first, layout.buffer_bytes, layout.word_mask, count)
}

/// Numbers at equal distances in user memory, and their sum so far.
#[repr(C)]
struct Numbers {
    next: u64,
    distance: u64,
    mask: u64,
    sum: u64,
    /// 1 once a number could not be read.
    failed: u64,
}

/// The sum of `count` numbers in user memory, each as wide as the mask.
#[inline(always)]
fn sum(first: u64, distance: u64, mask: u64, count: u64) -> Option<u64> {
    if count > MAX_ENTRIES {
        return None;
    }
    let mut numbers = Numbers {
        next: first,
        distance,
        mask,
        sum: 0,
        failed: 0,
    };
    // SAFETY: the callback has the signature that the helper calls, and the numbers outlive the call.
    unsafe {
        bpf_loop(
            count as u32,
            add_next as *mut c_void,
            (&raw mut numbers).cast(),
            0,
        );
        // The helper changed them behind the compiler's back.
        let failed = core::ptr::read_volatile(&raw const numbers.failed);
        (failed == 0).then(|| core::ptr::read_volatile(&raw const numbers.sum))
    }
}

/// Callback of `bpf_loop`; private, as the verifier demands.
#[inline(never)]
extern "C" fn add_next(_index: u64, numbers: *mut Numbers) -> i64 {
    // SAFETY: the helper passes on the pointer that it was given, and checks the address.
    unsafe {
        let address = (*numbers).next;
        let number = if (*numbers).mask == u64::MAX {
            bpf_probe_read_user(address as *const u64)
        } else {
            bpf_probe_read_user(address as *const u32).map(u64::from)
        };
        (*numbers).next = address + (*numbers).distance;
        let Ok(number) = number else {
            (*numbers).failed = 1;
            return 1;
        };
        (*numbers).sum += number;
        0
    }
}
