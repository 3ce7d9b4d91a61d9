//! The layout of the disk, and the pulse that tells a busy guest from a dead one.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use memmap2::MmapMut;

/// The unit of every transfer, the smallest that `O_DIRECT` allows.
pub const SECTOR_BYTES: usize = 512;

/// The size of the disk; the host's file is sparse.
pub const BYTES: u64 = 1 << 30;

pub(crate) const JOB_AT: u64 = 0;
pub(crate) const JOB_BYTES: usize = 64 << 10;
pub(crate) const PULSE_AT: u64 = 1 << 20;
pub(crate) const FRAMES_AT: u64 = 2 << 20;

/// A number that the guest increments as long as its PID 1 runs.
#[derive(Debug)]
pub struct Pulse {
    disk: File,
    sector: MmapMut,
    beats: u64,
}

impl Pulse {
    pub fn new(disk: File) -> io::Result<Self> {
        Ok(Self {
            disk,
            sector: MmapMut::map_anon(SECTOR_BYTES)?,
            beats: 0,
        })
    }

    pub fn beat(&mut self) -> io::Result<()> {
        self.beats += 1;
        self.sector[..8].copy_from_slice(&self.beats.to_le_bytes());
        self.disk.write_all_at(&self.sector, PULSE_AT)
    }
}

/// How often the guest has incremented its pulse; 0 before PID 1 has found the disk.
pub fn read_pulse(disk: &File) -> io::Result<u64> {
    let mut beats = [0; 8];
    disk.read_exact_at(&mut beats, PULSE_AT)?;
    Ok(u64::from_le_bytes(beats))
}
