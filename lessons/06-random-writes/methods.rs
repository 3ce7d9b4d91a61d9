//! The two methods of updating a file in place.

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};
use lessons::bystander::Bystander;
use lessons::mapping::{Filling, MappingMut, Reserved, Sharing};
use lessons::{Round, Scenario};

use crate::places::UPDATE_BYTES;
use crate::{Case, Data};

#[derive(Clone, Copy)]
pub(crate) enum Method {
    /// Stores through a shared mapping, and syncs with msync(2).
    Store,
    /// Calls pwrite(2), and syncs with fsync(2).
    Pwrite,
}

/// When the updates must be on the device.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    AfterEachRound,
    AtTheEnd,
}

/// Prepares the file, applies all updates, and waits until they are on the device.
pub(crate) fn play(scenario: &mut Scenario, data: &Data, case: &Case) -> Result<()> {
    let file = data.file(scenario, case)?;
    let offsets = case.places.offsets(data.pages());
    scenario.observe("file_pages", i64::try_from(data.pages())?);
    let bystander = Bystander::dirty(&data.directory)?;
    match case.method {
        Method::Store => {
            let place = Reserved::new(data.bytes)?;
            let mapping = place.map_mut(&file, Sharing::Shared, Filling::OnDemand)?;
            in_rounds(scenario, data, case, &offsets, &mut Mapped(mapping))?;
        }
        Method::Pwrite => in_rounds(scenario, data, case, &offsets, &mut Called(file))?,
    }
    bystander.guard(scenario)
}

fn in_rounds(
    scenario: &mut Scenario,
    data: &Data,
    case: &Case,
    offsets: &[usize],
    target: &mut impl Target,
) -> Result<()> {
    let updated = scenario.run(|round: &mut Round| -> Result<()> {
        for number in 1..=case.rounds {
            let value = number.to_le_bytes();
            for &offset in offsets {
                target.update(offset, value)?;
            }
            if case.sync == Sync::AfterEachRound || number == case.rounds {
                target.sync()?;
            }
        }
        round.work.operations = case.rounds * offsets.len() as u64;
        round.work.bytes = round.work.operations * UPDATE_BYTES as u64;
        round.work.pages = case.places.pages(data.pages()) as u64;
        Ok(())
    });
    updated.transpose()?;
    Ok(())
}

/// A file that is open for updates by one of the methods.
trait Target {
    fn update(&mut self, offset: usize, value: [u8; UPDATE_BYTES]) -> Result<()>;
    fn sync(&mut self) -> Result<()>;
}

struct Mapped(MappingMut);

impl Target for Mapped {
    fn update(&mut self, offset: usize, value: [u8; UPDATE_BYTES]) -> Result<()> {
        self.0[offset..offset + UPDATE_BYTES].copy_from_slice(black_box(&value));
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        self.0.flush()
    }
}

struct Called(File);

impl Target for Called {
    fn update(&mut self, offset: usize, value: [u8; UPDATE_BYTES]) -> Result<()> {
        self.0.write_all_at(&value, offset as u64).context("pwrite")
    }

    fn sync(&mut self) -> Result<()> {
        self.0.sync_all().context("fsync")
    }
}
