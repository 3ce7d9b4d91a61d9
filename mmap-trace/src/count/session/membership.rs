//! How the kernel programs recognise the traced processes (members).

use std::{fs::File, io::Read as _};

use anyhow::{Context as _, Result};
use mmap_trace_ebpf::tables::CONTROL_ADOPT;

use crate::count::attach::loader::Loader;

/// What makes a task a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It lives in the UTS namespace of this inode number, which the child unshared.
    Namespace(u32),
    /// It has an entry in the task table, because unsharing is not permitted (without `CAP_SYS_ADMIN`, as in
    /// containers). If two live threads hash to one entry, one is lost, and reported.
    Table,
}

impl Membership {
    /// The value of `Parameter::MemberUts`.
    #[must_use]
    pub fn parameter(self) -> u32 {
        match self {
            Membership::Namespace(number) => number,
            Membership::Table => 0,
        }
    }

    /// Draws the number by which the kernel programs adopt the child; 0 if it is a member already.
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
            .context("cannot announce the child to the kernel programs")?;
        Ok(number)
    }
}
