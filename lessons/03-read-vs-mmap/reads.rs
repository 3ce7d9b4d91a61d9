//! Takes the file's bytes with read(2).

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result, ensure};
use lessons::data::{Cached, Files};
use lessons::mapping::{Filling, Reserved, Sharing, sum, touch_each_page};
use lessons::memory::{Footprint, touched_buffer};
use lessons::{Round, Scenario};

use crate::{observe_growth, observe_resident};

/// Size of the buffer where its size is not the subject.
const BUFFER: usize = 64 << 10;
/// Size of the buffer that Rust's standard library puts between a program and read(2).
const LIBRARY_BUFFER: usize = 8 << 10;
/// Bytes that a program takes out of that buffer at a time.
const RECORD: usize = 512;

/// The body of most scenarios here: calls read(2) with the same buffer until the file ends.
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

/// Reads a warm file; the scenarios differ only in the size of the buffer.
pub(crate) fn warm(scenario: &mut Scenario, files: &Files, buffer_bytes: usize) -> Result<()> {
    let file = files.prepare(scenario, "warm", Cached::Whole)?;
    let before = Footprint::now()?;
    let mut buffer = touched_buffer(buffer_bytes)?;
    let total = scenario.run(|round| {
        round.work.pages = files.pages();
        read_through(&file, &mut buffer, files.bytes(), round)
    });
    scenario.observe_sum(total.transpose()?);
    observe_growth(scenario, before)
}

pub(crate) fn cold(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "cold", Cached::Nothing)?;
    let mut buffer = touched_buffer(BUFFER)?;
    let total = scenario.run(|round| {
        round.work.pages = files.pages();
        read_through(&file, &mut buffer, files.bytes(), round)
    });
    scenario.observe_sum(total.transpose()?);
    Ok(())
}

/// Fills the cache by loads from a mapping, and then reads.
pub(crate) fn after_a_mapping_filled_the_cache(
    scenario: &mut Scenario,
    files: &Files,
) -> Result<()> {
    let file = files.prepare(scenario, "cold", Cached::Nothing)?;
    let mapping = Reserved::new(files.bytes())?.map(&file, Sharing::Shared, Filling::OnDemand)?;
    scenario.observe("touched", touch_each_page(&mapping).cast_signed());
    drop(mapping);
    observe_resident(scenario, "resident_pages_after_mapping", files, &file)?;

    let mut buffer = touched_buffer(BUFFER)?;
    let total = scenario.run(|round| {
        round.work.pages = files.pages();
        read_through(&file, &mut buffer, files.bytes(), round)
    });
    scenario.observe_sum(total.transpose()?);
    Ok(())
}

/// Takes small records out of a library's buffer, which is a second copy, in user space.
pub(crate) fn through_a_library_buffer(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "warm", Cached::Whole)?;
    let mut reader = BufReader::with_capacity(LIBRARY_BUFFER, &file);
    // Filling the buffer once makes its pages present.
    reader.fill_buf().context("read")?;
    reader.rewind().context("lseek")?;
    let mut record = [0; RECORD];
    let mut user_copied_bytes = 0_usize;
    let total = scenario.run(|round| -> Result<u64> {
        let mut total = 0_u64;
        while user_copied_bytes < files.bytes() {
            reader.read_exact(&mut record).context("read")?;
            user_copied_bytes += record.len();
            total = total.wrapping_add(sum(&record));
            round.work.operations += 1;
        }
        round.work.bytes = files.bytes() as u64;
        round.work.pages = files.pages();
        Ok(total)
    });
    scenario.observe_sum(total.transpose()?);
    scenario.observe("user_copied_bytes", i64::try_from(user_copied_bytes)?);
    Ok(())
}

/// Reads with `O_DIRECT`: the device puts the bytes into our buffer. A file system may not support that.
pub(crate) fn past_the_cache(scenario: &mut Scenario, files: &Files) -> Result<()> {
    files.prepare(scenario, "warm", Cached::Whole)?;
    let path = files.directory().join("warm");
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
        round.work.pages = files.pages();
        read_through(&file, &mut buffer, files.bytes(), round)
    });
    scenario.observe_sum(total.transpose()?);
    Ok(())
}

pub(crate) fn ten_times(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let mut file = files.prepare(scenario, "warm", Cached::Whole)?;
    let mut buffer = touched_buffer(BUFFER)?;
    let total = scenario.run(|round| -> Result<u64> {
        let mut total = 0_u64;
        for _ in 0..10 {
            file.rewind().context("lseek")?;
            total = total.wrapping_add(read_through(&file, &mut buffer, files.bytes(), round)?);
        }
        round.work.pages = files.pages();
        round.work.operations = 10;
        Ok(total)
    });
    scenario.observe_sum(total.transpose()?);
    Ok(())
}

/// Reads into a buffer as large as the file, which is kept.
pub(crate) fn and_keep_all(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let mut file = files.prepare(scenario, "warm", Cached::Whole)?;
    let before = Footprint::now()?;
    let mut everything = touched_buffer(files.bytes())?;
    let total = scenario.run(|round| -> Result<u64> {
        for piece in everything.chunks_mut(1 << 20) {
            file.read_exact(piece).context("read")?;
            round.work.operations += 1;
        }
        round.work.bytes = files.bytes() as u64;
        round.work.pages = files.pages();
        Ok(sum(&everything))
    });
    scenario.observe_sum(total.transpose()?);
    observe_resident(scenario, "resident_pages_after", files, &file)?;
    observe_growth(scenario, before)
}
