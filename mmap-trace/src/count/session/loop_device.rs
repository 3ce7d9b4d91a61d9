//! Attaches a file to a free loop device.

use std::{
    fs::{File, OpenOptions},
    os::fd::{AsRawFd as _, RawFd},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;

/// `LOOP_CTL_GET_FREE`, `LOOP_CONFIGURE` and `LO_FLAGS_AUTOCLEAR` (include/uapi/linux/loop.h).
const GET_FREE: libc::Ioctl = 0x4C82;
const CONFIGURE: libc::Ioctl = 0x4C0A;
const AUTOCLEAR: u32 = 4;

/// How often another process may take the device that was free a moment ago.
const ATTEMPTS: usize = 16;

/// `struct loop_config`, with the only field of its `struct loop_info64` that is set here.
#[repr(C)]
struct LoopConfig {
    file: u32,
    block_bytes: u32,
    /// Fields before `lo_flags`: numbers, offset and size limit.
    before_flags: [u8; 52],
    flags: u32,
    /// Names, key and reserved fields.
    after_flags: [u8; 176],
    reserved: [u64; 8],
}

const _: () = assert!(size_of::<LoopConfig>() == 304);

/// Attaches `file` and returns the device with its path. The kernel releases the device when it is closed and no
/// longer mounted.
pub fn attach(file: &File) -> Result<(File, PathBuf)> {
    let control = open(Path::new("/dev/loop-control"))?;
    for _ in 0..ATTEMPTS {
        // SAFETY: the request takes no argument.
        let number = Errno::result(unsafe { libc::ioctl(control.as_raw_fd(), GET_FREE) })
            .context("ioctl(/dev/loop-control, LOOP_CTL_GET_FREE)")?;
        let path = PathBuf::from(format!("/dev/loop{number}"));
        let device = open(&path)?;
        match configure(&device, file.as_raw_fd()) {
            Ok(()) => return Ok((device, path)),
            Err(Errno::EBUSY) => {}
            Err(errno) => {
                return Err(errno)
                    .with_context(|| format!("ioctl({}, LOOP_CONFIGURE)", path.display()));
            }
        }
    }
    bail!("other processes took every free loop device, {ATTEMPTS} times in a row")
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .with_context(|| format!("open({})", path.display()))
}

fn configure(device: &File, file: RawFd) -> nix::Result<()> {
    let config = LoopConfig {
        file: file.cast_unsigned(),
        block_bytes: 0,
        before_flags: [0; 52],
        flags: AUTOCLEAR,
        after_flags: [0; 176],
        reserved: [0; 8],
    };
    // SAFETY: the request reads a struct of this layout.
    Errno::result(unsafe { libc::ioctl(device.as_raw_fd(), CONFIGURE, &raw const config) })
        .map(drop)
}
