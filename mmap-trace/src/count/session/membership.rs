//! How the kernel programs tell the traced processes from all others.

use std::{fs::File, io::Read as _};

use anyhow::{Context as _, Result};
use mmap_trace_ebpf::tables::CONTROL_ADOPT;

use crate::count::attach::loader::Loader;

/// What makes a task a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It lives in the UTS namespace of this inode number, which the child unshared.
    Namespace(u32),
    /// It has a live entry of the task table: where unsharing is not permitted (no `CAP_SYS_ADMIN`,
    /// as in containers). An entry that two live threads share is lost, and reported.
    Table,
}

impl Membership {
    /// `Parameter::MemberUts` of the kernel programs.
    #[must_use]
    pub fn parameter(self) -> u32 {
        match self {
            Membership::Namespace(number) => number,
            Membership::Table => 0,
        }
    }

    /// The number by which the child is to be adopted; 0 if it is a member already.
    pub fn draw_number(self, loader: &mut Loader) -> Result<u64> {
        if self != Membership::Table {
            return Ok(0);
        }
        let mut bytes = [0; 8];
        File::open("/dev/urandom")
            .and_then(|mut source| source.read_exact(&mut bytes))
            .context("read(/dev/urandom)")?;
        let number = u64::from_ne_bytes(bytes) | 1;
        loader
            .control(CONTROL_ADOPT, number)
            .context("announce the child to the kernel programs")?;
        Ok(number)
    }
}
