//! Workloads that check how the tracer started them, or what they may do.

use std::{fs, io::IsTerminal as _};

use anyhow::{Context as _, Result, ensure};

use super::{Play, Work};
use crate::lesson::hostile;

pub(super) const PLAYS: &[(&str, Play)] = &[
    ("signals-at-start", signals),
    ("spoiled-terminal", spoil_the_terminal),
];

/// A command must start with the signal dispositions that a shell would give it.
fn signals(_work: &mut Work) -> Result<()> {
    let status = fs::read_to_string("/proc/thread-self/status").context("status")?;
    for field in ["SigBlk", "SigPnd"] {
        let value = status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(":"))
            .with_context(|| format!("no {field}"))?;
        let mask = u64::from_str_radix(value.trim(), 16).context("a mask")?;
        ensure!(mask == 0, "{field} is {mask:x}");
    }
    Ok(())
}

fn spoil_the_terminal(_work: &mut Work) -> Result<()> {
    ensure!(std::io::stdin().is_terminal(), "no terminal");
    hostile::spoil_all();
    Ok(())
}
