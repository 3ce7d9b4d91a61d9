//! Prints what the kernel programs log, if the run asks for it (`--kernel-log`).

use std::io::Write as _;

use anyhow::{Context as _, Result};
use aya_log::EbpfLogger;
use tokio::io::{Interest, unix::AsyncFd};

use crate::count::attach::load::{Attached, KernelLog};

/// Prints to standard error.
#[derive(Clone, Copy, Debug)]
struct Printer;

impl log::Log for Printer {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let _ = writeln!(
            std::io::stderr(),
            "kernel: {}: {}",
            record.target(),
            record.args()
        );
    }

    fn flush(&self) {}
}

/// Reads the log ring, if the run has one.
pub struct LogReader(Option<AsyncFd<EbpfLogger<Printer>>>);

impl LogReader {
    /// For a run without kernel programs.
    pub(crate) fn silent() -> Self {
        LogReader(None)
    }

    /// Opens the log ring. Must be called inside a runtime.
    pub fn open(attached: &mut Attached, log: KernelLog) -> Result<Self> {
        if log == KernelLog::Off {
            return Ok(LogReader(None));
        }
        let logger = EbpfLogger::init_with_logger(&mut attached.loader.ebpf, Printer)
            .context("cannot open the log of the kernel programs")?;
        // SAFETY: the logger owns the ring's descriptor, which stays the same until the logger is dropped.
        let ring = unsafe { AsyncFd::register_with_interest(logger, Interest::READABLE) }
            .map_err(|refused| anyhow::anyhow!("{refused}"))
            .context("cannot watch the log of the kernel programs")?;
        Ok(LogReader(Some(ring)))
    }

    /// Prints the next messages; never ready without a log.
    pub(super) async fn next(&mut self) {
        match &mut self.0 {
            None => std::future::pending().await,
            Some(ring) => {
                if let Ok(mut guard) = ring.readable_mut().await {
                    guard.get_inner_mut().flush();
                    guard.clear_ready();
                }
            }
        }
    }

    /// Prints the remaining messages.
    pub fn drain(&mut self) {
        if let Some(ring) = &mut self.0 {
            ring.get_mut().flush();
        }
    }
}
