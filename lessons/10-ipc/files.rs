//! The other "two copies": from a device to one program.

use std::io::Read;

use anyhow::{Context, Result, ensure};
use lessons::Scenario;
use lessons::data::{Cached, Files};
use lessons::mapping::{Filling, Mapping, Reserved, Sharing, sum};
use lessons::memory::touched_buffer;

use crate::messages::{MESSAGE, report};

/// read(2) of a file that is not in the page cache.
pub(crate) fn read(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let mut file = files.prepare(scenario, "cold", Cached::Nothing)?;
    let mut buffer = touched_buffer(MESSAGE)?;
    let total = scenario.run(|round| -> Result<u64> {
        report(round, files.bytes());
        let (mut done, mut total) = (0, 0_u64);
        while done < files.bytes() {
            let length = file.read(&mut buffer).context("read")?;
            ensure!(
                length > 0,
                "the file ends after {done} of {} bytes",
                files.bytes()
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
pub(crate) fn load(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "cold", Cached::Nothing)?;
    let place = Reserved::new(files.bytes())?;
    let loaded = scenario.run(|round| -> Result<(Mapping, u64)> {
        report(round, files.bytes());
        let mapping = place.map(&file, Sharing::Shared, Filling::OnDemand)?;
        let total = sum(&mapping);
        Ok((mapping, total))
    });
    loaded.transpose()?;
    Ok(())
}
