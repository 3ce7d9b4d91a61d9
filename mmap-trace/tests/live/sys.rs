//! System calls as the workloads make them: each function makes exactly one call, which no library splits,
//! retries or batches.

#![allow(
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "descriptors and flags are registers here, as wide as the machine's"
)]

mod aio;
mod sockets;

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd},
    ptr,
};

pub(crate) use aio::{AioQueue, AioRequest};
pub(crate) use sockets::{
    allow_pinning, many_messages, receive, receive_message, receive_truncated, send, send_message,
};

/// One call. Every caller in this file borrows the memory it passes until the call returns.
fn raw(number: libc::c_long, arguments: [usize; 6]) -> io::Result<usize> {
    let [first, second, third, rest @ ..] = arguments;
    // SAFETY: see above; numbers and lengths stand where the call expects them.
    let result = unsafe { libc::syscall(number, first, second, third, rest[0], rest[1], rest[2]) };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// A descriptor as the argument of a call.
pub(crate) fn number(file: impl AsFd) -> usize {
    file.as_fd().as_raw_fd() as usize
}

/// The `iovec`s of a buffer in equal pieces.
fn pieces(start: *const u8, len: usize, count: usize) -> Vec<libc::iovec> {
    let each = len / count;
    (0..count)
        .map(|n| libc::iovec {
            iov_base: start.wrapping_add(n * each).cast_mut().cast(),
            iov_len: if n + 1 == count { len - n * each } else { each },
        })
        .collect()
}

/// read(2).
pub(crate) fn read(file: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    let to = buffer.as_mut_ptr() as usize;
    raw(libc::SYS_read, [number(file), to, buffer.len(), 0, 0, 0])
}

/// write(2).
pub(crate) fn write(file: impl AsFd, buffer: &[u8]) -> io::Result<usize> {
    let from = buffer.as_ptr() as usize;
    raw(libc::SYS_write, [number(file), from, buffer.len(), 0, 0, 0])
}

/// pread64(2).
pub(crate) fn pread(file: impl AsFd, buffer: &mut [u8], offset: usize) -> io::Result<usize> {
    let to = buffer.as_mut_ptr() as usize;
    raw(
        libc::SYS_pread64,
        [number(file), to, buffer.len(), offset, 0, 0],
    )
}

/// pwrite64(2).
pub(crate) fn pwrite(file: impl AsFd, buffer: &[u8], offset: usize) -> io::Result<usize> {
    let from = buffer.as_ptr() as usize;
    raw(
        libc::SYS_pwrite64,
        [number(file), from, buffer.len(), offset, 0, 0],
    )
}

/// readv(2), preadv(2) or preadv2(2), by number, into `count` pieces of a buffer.
pub(crate) fn read_pieces(
    call: libc::c_long,
    file: impl AsFd,
    buffer: &mut [u8],
    count: usize,
    offset: usize,
) -> io::Result<usize> {
    let vector = pieces(buffer.as_mut_ptr(), buffer.len(), count);
    raw(
        call,
        [number(file), vector.as_ptr() as usize, count, offset, 0, 0],
    )
}

/// writev(2), pwritev(2) or pwritev2(2), by number, from `count` pieces of a buffer.
pub(crate) fn write_pieces(
    call: libc::c_long,
    file: impl AsFd,
    buffer: &[u8],
    count: usize,
    offset: usize,
) -> io::Result<usize> {
    let vector = pieces(buffer.as_ptr(), buffer.len(), count);
    raw(
        call,
        [number(file), vector.as_ptr() as usize, count, offset, 0, 0],
    )
}

/// sendfile(2) from a file's own position.
pub(crate) fn sendfile(to: impl AsFd, from: impl AsFd, bytes: usize) -> io::Result<usize> {
    raw(
        libc::SYS_sendfile,
        [number(to), number(from), 0, bytes, 0, 0],
    )
}

/// splice(2) without offsets.
pub(crate) fn splice(from: impl AsFd, to: impl AsFd, bytes: usize) -> io::Result<usize> {
    raw(libc::SYS_splice, [number(from), 0, number(to), 0, bytes, 0])
}

/// tee(2).
pub(crate) fn tee(from: impl AsFd, to: impl AsFd, bytes: usize) -> io::Result<usize> {
    raw(libc::SYS_tee, [number(from), number(to), bytes, 0, 0, 0])
}

/// `copy_file_range(2)` without offsets.
pub(crate) fn copy_file_range(from: impl AsFd, to: impl AsFd, bytes: usize) -> io::Result<usize> {
    raw(
        libc::SYS_copy_file_range,
        [number(from), 0, number(to), 0, bytes, 0],
    )
}

/// vmsplice(2): references pages into a pipe, or copies out of one, by the end that is given.
pub(crate) fn vmsplice(pipe: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    let vector = pieces(buffer.as_mut_ptr(), buffer.len(), 1);
    raw(
        libc::SYS_vmsplice,
        [number(pipe), vector.as_ptr() as usize, 1, 0, 0, 0],
    )
}

/// `process_vm_readv(2)` or `process_vm_writev(2)`, by number, between equal addresses of both processes.
pub(crate) fn process_memory(
    call: libc::c_long,
    process: i32,
    buffer: &mut [u8],
) -> io::Result<usize> {
    let vector = pieces(buffer.as_mut_ptr(), buffer.len(), 1);
    let vector = vector.as_ptr() as usize;
    raw(call, [process as usize, vector, 1, vector, 1, 0])
}

/// A call that takes no memory, such as getppid(2) or sync(2).
pub(crate) fn plain(call: libc::c_long) -> io::Result<usize> {
    raw(call, [0; 6])
}

/// fsync(2), fdatasync(2) or syncfs(2), by number.
pub(crate) fn sync(call: libc::c_long, file: impl AsFd) -> io::Result<usize> {
    raw(call, [number(file), 0, 0, 0, 0, 0])
}

/// A call that returns a new descriptor, such as `memfd_create(2)` or eventfd2(2).
fn descriptor(call: libc::c_long, first: usize, second: usize) -> io::Result<OwnedFd> {
    let made = raw(call, [first, second, 0, 0, 0, 0])?;
    // SAFETY: just made; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(made as i32) })
}

/// getrandom(2), which writes into the program's memory without reading a file.
pub(crate) fn random_bytes(buffer: &mut [u8]) -> io::Result<usize> {
    let to = buffer.as_mut_ptr() as usize;
    raw(libc::SYS_getrandom, [to, buffer.len(), 0, 0, 0, 0])
}

/// `memfd_create(2)`.
pub(crate) fn memfd() -> io::Result<OwnedFd> {
    descriptor(libc::SYS_memfd_create, c"live".as_ptr() as usize, 0)
}

/// eventfd(2).
pub(crate) fn eventfd() -> io::Result<OwnedFd> {
    descriptor(libc::SYS_eventfd2, 0, 0)
}

/// dup(2).
pub(crate) fn duplicate(file: impl AsFd) -> io::Result<OwnedFd> {
    descriptor(libc::SYS_dup, number(file), 0)
}

/// dup3(2) to a number that somebody else owns and keeps.
pub(crate) fn put_at(file: impl AsFd, wanted: i32) -> io::Result<()> {
    raw(libc::SYS_dup3, [number(file), wanted as usize, 0, 0, 0, 0]).map(drop)
}

/// dup3(2) to a number that nobody uses.
pub(crate) fn duplicate_at(file: impl AsFd, wanted: i32) -> io::Result<OwnedFd> {
    descriptor(libc::SYS_dup3, number(file), wanted as usize)
}

/// mknod(2) of a FIFO.
pub(crate) fn make_fifo(path: &std::path::Path) -> io::Result<()> {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).map_err(io::Error::from)
}

/// `POSIX_FADV_DONTNEED` for a whole file, as fadvise64(2).
pub(crate) fn drop_cache(file: impl AsFd) -> io::Result<usize> {
    let advice = libc::POSIX_FADV_DONTNEED as usize;
    raw(libc::SYS_fadvise64, [number(file), 0, 0, advice, 0, 0])
}

/// The next id of a loaded eBPF program or map after `id`, by bpf(2); `None` at the end.
pub(crate) fn next_bpf_id(command: usize, id: u32) -> io::Result<Option<u32>> {
    // union bpf_attr: start_id, next_id, open_flags.
    let mut attributes = [id, 0, 0, 0];
    let place = ptr::from_mut(&mut attributes) as usize;
    match raw(
        libc::SYS_bpf,
        [command, place, size_of_val(&attributes), 0, 0, 0],
    ) {
        Ok(_) => {
            // SAFETY: initialised above; the kernel has written it.
            let next = unsafe { ptr::read_volatile(&raw const attributes[1]) };
            Ok(Some(next))
        }
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The flags of a file, such as `FS_EXTENT_FL`, by the ioctl `FS_IOC_GETFLAGS`.
pub(crate) fn file_flags(file: impl AsFd) -> io::Result<u32> {
    let mut flags: libc::c_long = 0;
    let (get, place) = (libc::FS_IOC_GETFLAGS as usize, &raw mut flags as usize);
    raw(libc::SYS_ioctl, [number(file), get, place, 0, 0, 0])?;
    // SAFETY: initialised above; the kernel has written it.
    Ok(unsafe { ptr::read_volatile(&raw const flags) } as u32)
}

/// Sets them, by `FS_IOC_SETFLAGS`.
pub(crate) fn set_file_flags(file: impl AsFd, flags: u32) -> io::Result<usize> {
    let (set, place) = (libc::FS_IOC_SETFLAGS as usize, &raw const flags as usize);
    raw(libc::SYS_ioctl, [number(file), set, place, 0, 0, 0])
}

/// Any call, by its number, for calls that this file has no function for.
pub(crate) fn call(number: libc::c_long, arguments: [usize; 6]) -> io::Result<usize> {
    raw(number, arguments)
}

/// A call as a 32-bit program makes it; numbers are those of `asm/unistd_32.h`, and addresses must lie below
/// 4 GiB.
#[cfg(target_arch = "x86_64")]
pub(crate) fn call_of_32_bits(number: u64, arguments: [usize; 4]) -> io::Result<usize> {
    let mut result = number;
    // SAFETY: the caller lends the memory that it passes; old kernels clear the registers named here. LLVM
    // keeps rbx for itself.
    unsafe {
        std::arch::asm!(
            "xchg {first}, rbx",
            "int 0x80",
            "xchg {first}, rbx",
            first = inout(reg) arguments[0] => _,
            inout("rax") result,
            in("rcx") arguments[1],
            in("rdx") arguments[2],
            in("rsi") arguments[3],
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    let result = result as i32;
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}
