//! Appends the same records to an empty file in four ways.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};
use lessons::mapping::sum;
use lessons::memory::touched_buffer;
use lessons::{Scenario, page_bytes};

use crate::growing::{Ahead, Growing, Remapped, SEGMENT, Segments};
use crate::records::Records;
use crate::{Data, observe_length};

/// Appends with write(2), which makes the file longer by itself.
pub(crate) fn by_write(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let records = Records::filling(data.bytes);
    let mut file = data.empty_file()?;
    let appended = scenario.run(|round| -> Result<()> {
        for record in records.iter() {
            file.write_all(record).context("write")?;
        }
        round.work.bytes = records.bytes().len() as u64;
        round.work.operations = records.count() as u64;
        Ok(())
    });
    appended.transpose()?;
    observe_content(scenario, data, &file)
}

/// Makes file and mapping longer by one page whenever a record does not fit.
pub(crate) fn by_remap(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.empty_file()?;
    append(scenario, data, page_bytes(), Remapped::new(file))
}

/// Makes the file longer by segments, and maps each of them by itself.
pub(crate) fn by_segments(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.empty_file()?;
    append(scenario, data, SEGMENT, Segments::new(file, data.bytes))
}

/// Makes one mapping that is long enough from the start, under which the file grows by segments.
pub(crate) fn by_mapping_ahead(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.empty_file()?;
    let most = data.bytes.next_multiple_of(SEGMENT);
    append(scenario, data, SEGMENT, Ahead::new(file, most)?)
}

fn append(
    scenario: &mut Scenario,
    data: &Data,
    step: usize,
    mut target: impl Growing,
) -> Result<()> {
    let records = Records::filling(data.bytes);
    let appended = scenario.run(|round| -> Result<()> {
        let (mut length, mut end) = (0, 0);
        for record in records.iter() {
            while end + record.len() > length {
                length += step;
                target.file().set_len(length as u64).context("ftruncate")?;
                target.grow(length)?;
                round.work.pages += (step / page_bytes()) as u64;
            }
            end = store(&mut target, end, record);
        }
        // Cuts off what is not used.
        target.file().set_len(end as u64).context("ftruncate")?;
        round.work.bytes = end as u64;
        round.work.operations = records.count() as u64;
        Ok(())
    });
    appended.transpose()?;
    target.observe(scenario);
    observe_content(scenario, data, target.file())
}

/// A record may begin in one segment and end in the next.
fn store(target: &mut impl Growing, mut end: usize, mut record: &[u8]) -> usize {
    while !record.is_empty() {
        let place = target.at(end);
        let (now, later) = record.split_at(record.len().min(place.len()));
        place[..now.len()].copy_from_slice(now);
        end += now.len();
        record = later;
    }
    end
}

/// Records length and sum of the file, which must be the same in all four scenarios.
///
/// It takes one call however long the file is, so that a run with `--empty` makes it too.
fn observe_content(scenario: &Scenario, data: &Data, file: &File) -> Result<()> {
    observe_length(scenario, "file_bytes_after", file)?;
    let mut content = touched_buffer(data.bytes)?;
    let length = file.read_at(&mut content, 0).context("pread")?;
    scenario.observe_sum(sum(&content[..length]));
    Ok(())
}
