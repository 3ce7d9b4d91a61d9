//! Stores that nobody asks to be written, and the time until the flusher writes them.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use lessons::address_space::dirty_pages;
use lessons::bystander::Bystander;
use lessons::mapping::MappingMut;
use lessons::{Patience, Scenario};

use crate::countdown::Countdown;
use crate::{Data, store};

/// Time between two checks whether the pages are clean.
const POLL: Duration = Duration::from_millis(50);
/// Time after which a new bystander replaces the old one, before the flusher would write it.
const TICK: Duration = Duration::from_secs(1);

/// Stores, and waits for the flusher. Only the stores are counted, together with what the flusher writes of
/// them.
pub(crate) fn wait_for_it(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let settings = Settings::now()?;
    // The flusher goes by the time at which a file first became dirty, and making the file dirtied it.
    let prepared_since = Instant::now();
    let (file, mut mapping) = data.mapped_file(scenario)?;
    let mut bystander = data.bystander()?;
    let since = Instant::now();
    let preparation = since - prepared_since;
    let stored = scenario.run(|round| store(&mut mapping, round));
    // Without stores there is nothing to wait for, and an interval of 0 keeps the flusher asleep.
    let patience = if stored.is_none() || settings.interval.is_zero() {
        Patience::Hasten
    } else {
        data.patience
    };
    match patience {
        Patience::Wait => bystander = settings.wait(data, since, &mapping, bystander)?,
        // This wakes the same flusher.
        Patience::Hasten => nix::unistd::syncfs(&file).context("syncfs")?,
    }
    let milliseconds = |duration: Duration| i64::try_from(duration.as_millis());
    if patience == Patience::Wait {
        scenario.observe("flusher_delay_ms", milliseconds(since.elapsed())?);
        scenario.observe("preparation_ms", milliseconds(preparation)?);
    }
    scenario.observe("waited", i64::from(patience == Patience::Wait));
    scenario.observe("dirty_expire_ms", milliseconds(settings.expiry)?);
    scenario.observe("dirty_writeback_ms", milliseconds(settings.interval)?);
    scenario.observe("dirty_pages_after", dirty_pages(&mapping)?);
    bystander.observe(scenario)?;
    // Waits until everything that is being written has arrived.
    file.sync_all().context("fsync")
}

/// How often the flusher wakes up, and how old a page must be for it to be written
/// (`wb_check_old_data_flush` and `queue_io` in fs/fs-writeback.c).
///
/// The lesson never changes these settings, because they belong to the whole machine.
struct Settings {
    expiry: Duration,
    interval: Duration,
}

impl Settings {
    fn now() -> Result<Self> {
        Ok(Settings {
            expiry: setting("dirty_expire_centisecs")?,
            interval: setting("dirty_writeback_centisecs")?,
        })
    }

    /// Waits until writeback of every page has begun, or until it is overdue; returns the last bystander.
    fn wait(
        &self,
        data: &Data,
        since: Instant,
        mapping: &MappingMut,
        mut bystander: Bystander,
    ) -> Result<Bystander> {
        let longest = self.expiry + 2 * self.interval;
        let countdown = Countdown::new(longest);
        let mut next_tick = TICK;
        while dirty_pages(mapping)? > 0 && since.elapsed() < longest {
            if since.elapsed() >= next_tick {
                bystander = data.bystander()?;
                countdown.draw(longest.saturating_sub(next_tick));
                next_tick += TICK;
            }
            sleep(POLL);
        }
        Ok(bystander)
    }
}

fn setting(name: &str) -> Result<Duration> {
    let path = format!("/proc/sys/vm/{name}");
    let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let centiseconds: u64 = text
        .trim()
        .parse()
        .with_context(|| format!("{path} contains {text:?} instead of a number"))?;
    Ok(Duration::from_millis(centiseconds * 10))
}
