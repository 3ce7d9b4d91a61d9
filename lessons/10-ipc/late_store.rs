//! Did the kernel copy the page? A store after sending shows it.

use std::fs::File;
use std::io::{IoSlice, Read, Write};

use anyhow::{Context, Result, ensure};
use lessons::data::Files;
use lessons::memory::touched_buffer;
use lessons::{Scenario, page_bytes};
use nix::fcntl::SpliceFFlags;

const SENT: u8 = b'a';
const STORED_LATER: u8 = b'b';

/// Hands a page to the pipe and returns how many bytes the pipe took.
type SendPage = fn(&mut File, &[u8]) -> Result<usize>;

/// write(2) has copied the page when it returns.
pub(crate) fn after_write(scenario: &mut Scenario, _files: &Files) -> Result<()> {
    store_after(scenario, |to, page| to.write(page).context("write"))
}

/// vmsplice(2) has only taken a reference to the page.
pub(crate) fn after_vmsplice(scenario: &mut Scenario, _files: &Files) -> Result<()> {
    store_after(scenario, |to, page| {
        let pages = [IoSlice::new(page)];
        nix::fcntl::vmsplice(&*to, &pages, SpliceFFlags::empty()).context("vmsplice")
    })
}

/// One process holds both ends, because it does not matter who reads.
fn store_after(scenario: &mut Scenario, send: SendPage) -> Result<()> {
    let (from, to) = nix::unistd::pipe().context("pipe")?;
    let (mut from, mut to) = (File::from(from), File::from(to));
    let mut page = touched_buffer(page_bytes())?;
    let mut arrived = touched_buffer(page_bytes())?;
    page.fill(SENT);
    let done = scenario.run(|round| -> Result<()> {
        let length = send(&mut to, &page)?;
        ensure!(
            length == page.len(),
            "the pipe took only {length} bytes of a page"
        );
        page.fill(STORED_LATER);
        from.read_exact(&mut arrived).context("read")?;
        round.work.bytes = length as u64;
        round.work.operations = 1;
        Ok(())
    });
    let Some(done) = done else { return Ok(()) };
    done?;
    let is_late = |byte: &u8| i64::from(*byte == STORED_LATER);
    scenario.observe("late_bytes", arrived.iter().map(is_late).sum());
    Ok(())
}
