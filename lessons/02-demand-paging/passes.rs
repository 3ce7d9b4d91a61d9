//! Passes over the whole file through a fresh mapping. Each differs from another in one thing.

use anyhow::Result;
use lessons::Scenario;
use lessons::data::Cached;
use lessons::mapping::{Advice, Filling, Reserved, Sharing, sum, touch_each_page};

use crate::{Data, SMALL};

/// Files written in pieces of 1 MiB lie in large folios where the kernel has them.
const LARGE: usize = 1 << 20;

#[derive(Clone, Copy)]
pub(crate) struct Pass {
    written_in_bytes: usize,
    cached: Cached,
    filling: Filling,
    advice: Option<Advice>,
    load: fn(&[u8]) -> u64,
}

/// The pass with which the others are compared: one byte of each page, in order, without advice.
pub(crate) const WARM: Pass = Pass {
    written_in_bytes: SMALL,
    cached: Cached::Whole,
    filling: Filling::OnDemand,
    advice: None,
    load: touch_each_page,
};

pub(crate) const COLD: Pass = Pass {
    cached: Cached::Nothing,
    ..WARM
};

pub(crate) const EVERY_BYTE: Pass = Pass { load: sum, ..WARM };

pub(crate) const LARGE_FOLIOS: Pass = Pass {
    written_in_bytes: LARGE,
    ..WARM
};

pub(crate) const RANDOM: Pass = Pass {
    advice: Some(Advice::MADV_RANDOM),
    ..COLD
};

pub(crate) const SEQUENTIAL: Pass = Pass {
    advice: Some(Advice::MADV_SEQUENTIAL),
    ..COLD
};

pub(crate) const POPULATE: Pass = Pass {
    filling: Filling::AtOnce,
    ..COLD
};

impl Pass {
    /// Maps, advises and loads, all of which is counted.
    pub(crate) fn run(&self, scenario: &mut Scenario, data: &Data) -> Result<()> {
        let file = data.file(scenario, self.written_in_bytes, self.cached)?;
        let place = Reserved::new(data.bytes)?;
        let body = scenario.run(|round| -> Result<_> {
            let mapping = place.map(&file, Sharing::Shared, self.filling)?;
            if let Some(advice) = self.advice {
                mapping.advise(advice)?;
            }
            let total = (self.load)(&mapping);
            round.work = data.whole();
            Ok((mapping, total))
        });
        scenario.observe_sum(body.transpose()?.map(|(_mapping, total)| total));
        Ok(())
    }
}
