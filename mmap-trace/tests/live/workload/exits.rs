//! Workloads that tell what they were given.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::{Play, Work};

pub(super) const PLAYS: &[(&str, Play)] = &[("metrics-at-start", metrics)];

/// A command must start with metrics as a shell would have left them.
fn metrics(_work: &mut Work) -> Result<()> {
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
