//! Payload that moves inside `getsockopt` and `ioctl`, whose results are no lengths.

use aya_ebpf::helpers::bpf_probe_read_user;
use mmap_trace_ebpf::counters::Counter;

use crate::{kernel_log::explain, rows::CpuRow};

/// `IPPROTO_TCP` and `TCP_ZEROCOPY_RECEIVE` (include/uapi/linux/tcp.h).
const TCP: u64 = 6;
const ZEROCOPY_RECEIVE: u64 = 35;
/// The offset of `copybuf_len` in `struct tcp_zerocopy_receive`, and the structure's size up to its end.
const COPIED: u64 = 32;
const BYTES_WITH_COPIED: u32 = 36;

/// `TCP_ZEROCOPY_RECEIVE` maps whole pages and copies the rest (`tcp_zerocopy_receive`, net/ipv4/tcp.c). A
/// structure without `copybuf_len` offers no buffer to copy to.
#[inline(always)]
pub(super) fn socket_option(row: &mut CpuRow, arguments: &[u64; 5]) {
    if arguments[1] & 0xffff_ffff != TCP || arguments[2] & 0xffff_ffff != ZEROCOPY_RECEIVE {
        return;
    }
    let (structure, length) = (arguments[3], arguments[4]);
    // SAFETY: the helper checks both addresses.
    let (length, copied) = unsafe {
        (
            bpf_probe_read_user(length as *const u32),
            bpf_probe_read_user((structure + COPIED) as *const i32),
        )
    };
    match (length, copied) {
        (Ok(length), _) if length < BYTES_WITH_COPIED => {}
        (Ok(_), Ok(copied)) => row.add(Counter::ToUserSocket, copied.max(0) as u64),
        _ => {
            explain!("TCP_ZEROCOPY_RECEIVE: its structure cannot be read");
            row.add(Counter::LostCalls, 1);
        }
    }
}

/// Types and numbers of the commands that move data of a file or a device as read(2) and write(2) would.
const MOVE_DATA: [u64; 6] = [
    // SG_IO (include/scsi/sg.h): a command for a SCSI device with its data.
    0x2285,
    // BTRFS_IOC_ENCODED_READ and BTRFS_IOC_ENCODED_WRITE (include/uapi/linux/btrfs.h): compressed extents.
    0x9440,
    // NVME_IOCTL_SUBMIT_IO, NVME_IOCTL_IO_CMD and NVME_IOCTL_IO64_CMD (include/uapi/linux/nvme_ioctl.h).
    0x4e42, 0x4e43, 0x4e48, // USBDEVFS_BULK (include/uapi/linux/usbdevice_fs.h).
    0x5502,
];

/// Every other command has arguments and results only. UFFDIO_COPY fills pages, as a fault does.
#[inline(always)]
pub(super) fn control(row: &mut CpuRow, command: u64) {
    let command = command & 0xffff;
    if MOVE_DATA.contains(&command) {
        explain!(
            "ioctl {:x}: it moves data that its result does not tell",
            command
        );
        row.add(Counter::LostCalls, 1);
    }
}
