//! The other "two copies": from a device to one program.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result, ensure};
use lessons::Scenario;
use lessons::data::{Cached, Pieces, Recipe};
use lessons::mapping::{Filling, Mapping, Reserved, Sharing, sum};
use lessons::memory::touched_buffer;

use crate::Data;
use crate::messages::MESSAGE;

/// read(2) of a file that is not in the page cache.
pub(crate) fn read(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut file = cold(scenario, data)?;
    let mut buffer = touched_buffer(MESSAGE)?;
    let total = scenario.run(|round| -> Result<u64> {
        data.report(round);
        let (mut done, mut total) = (0, 0_u64);
        while done < data.bytes {
            let length = file.read(&mut buffer).context("read")?;
            ensure!(
                length > 0,
                "the file ends after {done} of {} bytes",
                data.bytes
            );
            total = total.wrapping_add(sum(&buffer[..length]));
            done += length;
        }
        Ok(total)
    });
    total.transpose()?;
    Ok(())
}

/// Loads of every byte through a mapping of such a file.
pub(crate) fn load(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = cold(scenario, data)?;
    let place = Reserved::new(data.bytes)?;
    let loaded = scenario.run(|round| -> Result<(Mapping, u64)> {
        data.report(round);
        let mapping = place.map(&file, Sharing::Shared, Filling::OnDemand)?;
        let total = sum(&mapping);
        Ok((mapping, total))
    });
    loaded.transpose()?;
    Ok(())
}

fn cold(scenario: &Scenario, data: &Data) -> Result<File> {
    let recipe = Recipe {
        path: data.directory.join("cold"),
        bytes: data.bytes,
        pieces: Pieces::of(4 << 10),
        cached: Cached::Nothing,
    };
    recipe.prepare(scenario)
}
