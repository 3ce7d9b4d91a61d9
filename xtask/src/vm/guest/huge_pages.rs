//! `khugepaged` stays asleep. Everything takes many times as long in a box, so that it would wake up
//! in the middle of every lesson, and its work falls into scenarios that did not ask for it. Huge pages
//! at a fault are left as the kernel makes them.

use std::{fs, io::ErrorKind};

use anyhow::{Context as _, Result};

/// How long it sleeps between two rounds, in ms (Documentation/admin-guide/mm/transhuge.rst).
const SLEEP: &str = "/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs";

/// Sends it to sleep for longer than any guest lives.
pub(crate) fn let_sleep() -> Result<()> {
    match fs::write(SLEEP, u32::MAX.to_string()) {
        // A kernel that makes no huge pages has no such thread.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        written => written.with_context(|| format!("write({SLEEP})")),
    }
}
