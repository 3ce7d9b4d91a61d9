//! Diagnostics of the kernel programs, printed as they come. Off unless the run asks for them.

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
    /// Where nothing is loaded, nothing logs.
    pub(crate) fn silent() -> Self {
        LogReader(None)
    }

    /// Opens the ring. Needs a runtime.
    pub fn open(attached: &mut Attached, log: KernelLog) -> Result<Self> {
        if log == KernelLog::Off {
            return Ok(LogReader(None));
        }
        let logger = EbpfLogger::init_with_logger(&mut attached.loader.ebpf, Printer)
            .context("open the log of the kernel programs")?;
        // SAFETY: the logger owns the ring's descriptor, and it is the same until it is dropped.
        let ring = unsafe { AsyncFd::register_with_interest(logger, Interest::READABLE) }
            .map_err(|refused| anyhow::anyhow!("{refused}"))
            .context("watch the log of the kernel programs")?;
        Ok(LogReader(Some(ring)))
    }

    /// Prints the next messages; pending for ever without a log.
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

    /// Prints what is left.
    pub(super) fn drain(&mut self) {
        if let Some(ring) = &mut self.0 {
            ring.get_mut().flush();
        }
    }
}
