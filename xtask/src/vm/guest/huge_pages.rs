//! Keeps `khugepaged` asleep. Everything is slow in an emulated VM, so it would wake up in the middle of
//! every lesson and perturb scenarios. Huge pages at a fault stay as the kernel makes them.

use std::{fs, io::ErrorKind};

use anyhow::{Context as _, Result};

/// The sleep between two scans in milliseconds (Documentation/admin-guide/mm/transhuge.rst).
const SLEEP: &str = "/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs";

/// Makes it sleep for longer than any guest lives.
pub(crate) fn let_sleep() -> Result<()> {
    match fs::write(SLEEP, u32::MAX.to_string()) {
        // A kernel without transparent huge pages has no such file.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        written => written.with_context(|| format!("write({SLEEP})")),
    }
}
