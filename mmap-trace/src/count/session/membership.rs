//! Makes the tracer's child the first traced process; its descendants follow by themselves.

use std::{fs::File, io::Read as _};

use anyhow::{Context as _, Result};
use mmap_trace_ebpf::tables::CONTROL_ADOPT;

use crate::count::attach::loader::Loader;

/// Draws the number by which the kernel programs adopt the child.
pub fn draw_number(loader: &mut Loader) -> Result<u64> {
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
