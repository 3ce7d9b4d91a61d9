//! From the file to us with read(2).

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result, ensure};
use lessons::data::Cached;
use lessons::mapping::{Filling, Reserved, Sharing, sum, touch_each_page};
use lessons::memory::{Footprint, touched_buffer};
use lessons::{Round, Scenario};

use crate::{Data, observe_growth, observe_sum};

/// The buffer of scenarios in which its size is not the question.
const BUFFER: usize = 64 << 10;
/// What std's reader and many a C library put between the program and read(2).
const LIBRARY_BUFFER: usize = 8 << 10;
/// What a program takes out of that buffer at a time.
const RECORD: usize = 512;

/// The body of most scenarios here: read(2) into the same buffer until the file is through.
fn read_through(
    mut file: &File,
    buffer: &mut [u8],
    bytes: usize,
    round: &mut Round,
) -> Result<u64> {
    let (mut done, mut total) = (0, 0_u64);
    while done < bytes {
        let length = file.read(buffer).context("read")?;
        ensure!(length > 0, "the file ends {} bytes early", bytes - done);
        total = total.wrapping_add(sum(&buffer[..length]));
        done += length;
        round.work.operations += 1;
    }
    round.work.bytes += done as u64;
    Ok(total)
}

/// The file is in the page cache; only the buffer's size differs.
pub(crate) fn warm(scenario: &mut Scenario, data: &Data, buffer_bytes: usize) -> Result<()> {
    let file = data.file(scenario, "warm", Cached::Whole)?;
    let before = Footprint::now()?;
    let mut buffer = touched_buffer(buffer_bytes)?;
    let total = scenario.run(|round| {
        round.work.pages = data.pages();
        read_through(&file, &mut buffer, data.bytes, round)
    });
    observe_sum(scenario, total.transpose()?);
    observe_growth(scenario, before)
}

/// The file is on the device only.
pub(crate) fn cold(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, "cold", Cached::Nothing)?;
    let mut buffer = touched_buffer(BUFFER)?;
    let total = scenario.run(|round| {
        round.work.pages = data.pages();
        read_through(&file, &mut buffer, data.bytes, round)
    });
    observe_sum(scenario, total.transpose()?);
    Ok(())
}

/// The cache is filled by loads from a mapping, and then asked by read(2).
pub(crate) fn after_a_mapping_filled_the_cache(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, "cold", Cached::Nothing)?;
    let mapping = Reserved::new(data.bytes)?.map(&file, Sharing::Shared, Filling::OnDemand)?;
    scenario.observe("touched", touch_each_page(&mapping).cast_signed());
    drop(mapping);
    data.observe_resident(scenario, "resident_pages_after_mapping", &file)?;

    let mut buffer = touched_buffer(BUFFER)?;
    let total = scenario.run(|round| {
        round.work.pages = data.pages();
        read_through(&file, &mut buffer, data.bytes, round)
    });
    observe_sum(scenario, total.transpose()?);
    Ok(())
}

/// Small records out of a buffer that a library keeps: a second copy, in user mode.
pub(crate) fn through_a_library_buffer(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, "warm", Cached::Whole)?;
    let mut reader = BufReader::with_capacity(LIBRARY_BUFFER, &file);
    // Once into the buffer, so that its pages are there, and back.
    reader.fill_buf().context("read")?;
    reader.rewind().context("lseek")?;
    let mut record = [0; RECORD];
    let mut user_copied_bytes = 0_usize;
    let total = scenario.run(|round| -> Result<u64> {
        let mut total = 0_u64;
        while user_copied_bytes < data.bytes {
            reader.read_exact(&mut record).context("read")?;
            user_copied_bytes += record.len();
            total = total.wrapping_add(sum(&record));
            round.work.operations += 1;
        }
        round.work.bytes = data.bytes as u64;
        round.work.pages = data.pages();
        Ok(total)
    });
    observe_sum(scenario, total.transpose()?);
    scenario.observe("user_copied_bytes", i64::try_from(user_copied_bytes)?);
    Ok(())
}

/// With `O_DIRECT` the device puts the bytes where we want them. A file system may refuse.
pub(crate) fn past_the_cache(scenario: &mut Scenario, data: &Data) -> Result<()> {
    data.file(scenario, "warm", Cached::Whole)?;
    let path = data.directory.join("warm");
    let opened = File::options()
        .read(true)
        .custom_flags(libc::O_DIRECT)
        .open(path);
    let errno = opened
        .as_ref()
        .err()
        .and_then(std::io::Error::raw_os_error)
        .unwrap_or(0);
    scenario.observe("open_errno", i64::from(errno));
    let Ok(file) = opened else {
        return Ok(());
    };
    let mut buffer = touched_buffer(1 << 20)?;
    let total = scenario.run(|round| {
        round.work.pages = data.pages();
        read_through(&file, &mut buffer, data.bytes, round)
    });
    observe_sum(scenario, total.transpose()?);
    Ok(())
}

/// The same bytes again and again.
pub(crate) fn ten_times(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut file = data.file(scenario, "warm", Cached::Whole)?;
    let mut buffer = touched_buffer(BUFFER)?;
    let total = scenario.run(|round| -> Result<u64> {
        let mut total = 0_u64;
        for _ in 0..10 {
            file.rewind().context("lseek")?;
            total = total.wrapping_add(read_through(&file, &mut buffer, data.bytes, round)?);
        }
        round.work.pages = data.pages();
        round.work.operations = 10;
        Ok(total)
    });
    observe_sum(scenario, total.transpose()?);
    Ok(())
}

/// A buffer as large as the file: what was read stays with us.
pub(crate) fn and_keep_all(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut file = data.file(scenario, "warm", Cached::Whole)?;
    let before = Footprint::now()?;
    let mut everything = touched_buffer(data.bytes)?;
    let total = scenario.run(|round| -> Result<u64> {
        for piece in everything.chunks_mut(1 << 20) {
            file.read_exact(piece).context("read")?;
            round.work.operations += 1;
        }
        round.work.bytes = data.bytes as u64;
        round.work.pages = data.pages();
        Ok(sum(&everything))
    });
    observe_sum(scenario, total.transpose()?);
    data.observe_resident(scenario, "resident_pages_after", &file)?;
    observe_growth(scenario, before)
}
