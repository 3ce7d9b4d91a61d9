//! What the sender and the receiver tell the lesson and each other, in a page that all of them share.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicI32, AtomicU64};

use anyhow::{Context, Result};
use lessons::mapping::sum;
use lessons::shared::Shared;
use lessons::turn::Turn;
use lessons::{Round, Scenario};
use nix::errno::Errno;
use nix::sys::resource::{UsageWho, getrusage};

#[derive(Default)]
pub(crate) struct Exchange {
    /// Messages that the receiver may take.
    pub(crate) made: Turn,
    /// Messages that the receiver has taken.
    pub(crate) taken: Turn,
    sent_sum: AtomicU64,
    received_sum: AtomicU64,
    received_bytes: AtomicU64,
    user_copied_bytes: AtomicU64,
    errno: AtomicI32,
}

impl Exchange {
    /// Runs one round with a new exchange, and records what its processes noted as observations.
    pub(crate) fn run(
        scenario: &mut Scenario,
        body: impl FnOnce(&mut Round, &Exchange) -> Result<()>,
    ) -> Result<()> {
        let exchange = Shared::<Exchange>::new()?;
        let sleeps_before = sleeps_of_children()?;
        scenario.use_all_cpus();
        let Some(done) = scenario.run(|round| body(round, &exchange)) else {
            return Ok(());
        };
        done?;
        scenario.observe("sleeps", sleeps_of_children()? - sleeps_before);
        exchange.observe(scenario)
    }

    /// Notes that the sender has made a message with this sum.
    pub(crate) fn sent(&self, sum: u64) {
        self.sent_sum.fetch_add(sum, Relaxed);
    }

    /// Notes that the receiver has a whole message in front of it, and loads every byte.
    pub(crate) fn received(&self, message: &[u8]) {
        self.received_sum.fetch_add(sum(message), Relaxed);
        self.received_bytes.fetch_add(message.len() as u64, Relaxed);
    }

    /// Notes that the program itself has copied this many bytes, in user mode.
    pub(crate) fn copied(&self, bytes: usize) {
        self.user_copied_bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// Notes that the kernel refuses to carry the messages.
    pub(crate) fn refused(&self, errno: Errno) {
        self.errno.store(errno as i32, Relaxed);
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.errno.load(Relaxed) != 0
    }

    fn observe(&self, scenario: &Scenario) -> Result<()> {
        for (name, value) in [
            ("sent_sum", folded(self.sent_sum.load(Relaxed))),
            ("received_sum", folded(self.received_sum.load(Relaxed))),
            ("received_bytes", self.received_bytes.load(Relaxed)),
            ("user_copied_bytes", self.user_copied_bytes.load(Relaxed)),
        ] {
            scenario.observe(name, i64::try_from(value)?);
        }
        scenario.observe("errno", i64::from(self.errno.load(Relaxed)));
        Ok(())
    }
}

/// Shortens a sum so that people can compare it; equal sums stay equal.
fn folded(sum: u64) -> u64 {
    u64::from((sum ^ (sum >> 32)) as u32)
}

/// How often the children that have ended gave up the CPU to wait for something (`ru_nvcsw`).
///
/// The parent asks outside of the round, so that asking adds nothing to the counts.
fn sleeps_of_children() -> Result<i64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("getrusage(RUSAGE_CHILDREN)")?;
    Ok(usage.voluntary_context_switches())
}
