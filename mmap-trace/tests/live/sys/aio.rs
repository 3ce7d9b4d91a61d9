//! Native AIO.

use std::{io, os::fd::AsFd, ptr};

use super::{number, pieces, raw};

/// A context of native AIO.
pub(crate) struct AioQueue(usize);

/// A request: `struct iocb` (`include/uapi/linux/aio_abi.h`), and the pieces of its buffer.
pub(crate) struct AioRequest {
    fields: [u64; 8],
    _pieces: Vec<libc::iovec>,
}

impl AioRequest {
    /// `IOCB_CMD_PREAD`, `IOCB_CMD_PWRITE` and `IOCB_CMD_FSYNC`.
    pub(crate) const READ: u16 = 0;
    pub(crate) const WRITE: u16 = 1;
    pub(crate) const SYNC: u16 = 2;
    /// `IOCB_CMD_PREADV` and `IOCB_CMD_PWRITEV`.
    pub(crate) const READ_PIECES: u16 = 7;
    pub(crate) const WRITE_PIECES: u16 = 8;

    /// A request of this operation on a buffer, which must outlive it.
    pub(crate) fn new(
        operation: u16,
        file: impl AsFd,
        buffer: &mut [u8],
        offset: usize,
    ) -> AioRequest {
        let mut vector = Vec::new();
        let (start, length, offset) = match operation {
            AioRequest::READ_PIECES | AioRequest::WRITE_PIECES => {
                vector = pieces(buffer.as_ptr(), buffer.len(), 3);
                (vector.as_ptr() as u64, vector.len(), offset)
            }
            AioRequest::SYNC => (0, 0, 0),
            _ => (buffer.as_mut_ptr() as u64, buffer.len(), offset),
        };
        // aio_data, aio_key and aio_rw_flags, aio_lio_opcode and aio_fildes, aio_buf, aio_nbytes, aio_offset,
        // and two words that stay 0.
        let operation = u64::from(operation) | (number(file) as u64) << 32;
        let fields = [0, 0, operation, start, length as u64, offset as u64, 0, 0];
        AioRequest {
            fields,
            _pieces: vector,
        }
    }
}

impl AioQueue {
    /// `io_setup(2)`.
    pub(crate) fn new(requests: usize) -> io::Result<Self> {
        let mut context = 0_usize;
        let place = &raw mut context as usize;
        raw(libc::SYS_io_setup, [requests, place, 0, 0, 0, 0])?;
        // SAFETY: initialised above; the kernel has written it.
        Ok(AioQueue(unsafe { ptr::read_volatile(&raw const context) }))
    }

    /// `io_submit(2)`.
    pub(crate) fn submit(&self, requests: &[AioRequest]) -> io::Result<usize> {
        let list: Vec<_> = requests
            .iter()
            .map(|request| &raw const request.fields)
            .collect();
        let place = list.as_ptr() as usize;
        raw(libc::SYS_io_submit, [self.0, list.len(), place, 0, 0, 0])
    }

    /// `io_getevents(2)`: the address of each request, and its result. It takes more than one call if a ring of
    /// `io_uring` that was closed before interrupts it (`io_ring_exit_work`).
    pub(crate) fn results(&self, count: usize) -> io::Result<Vec<(u64, i64)>> {
        // struct io_event: data, obj, res, res2.
        let mut events = vec![[0_i64; 4]; count];
        let mut done = 0;
        while done < count {
            let left = &mut events[done..];
            let place = left.as_mut_ptr() as usize;
            let arguments = [self.0, left.len(), left.len(), place, 0, 0];
            match raw(libc::SYS_io_getevents, arguments) {
                Ok(returned) => done += returned,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(events
            .iter()
            .map(|event| (event[1].cast_unsigned(), event[2]))
            .collect())
    }

    /// The result of the first event, which the program reads from the memory that it shares with the kernel: behind
    /// `struct aio_ring` (fs/aio.c) of 32 bytes. It makes no call.
    pub(crate) fn first_result_in_memory(&self) -> i64 {
        let first = (self.0 + 32) as *const [i64; 4];
        // SAFETY: the kernel maps its ring of events at the address that it gave.
        unsafe { ptr::read_volatile(first)[2] }
    }
}

impl AioRequest {
    /// The address by which an event names the request.
    pub(crate) fn address(&self) -> u64 {
        &raw const self.fields as u64
    }
}

impl Drop for AioQueue {
    fn drop(&mut self) {
        let _ = raw(libc::SYS_io_destroy, [self.0, 0, 0, 0, 0, 0]);
    }
}
