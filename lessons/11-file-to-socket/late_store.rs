//! Did the kernel copy the file's page? A store between sending and receiving shows it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, ensure};
use lessons::data::Files;
use lessons::mapping::{Filling, MappingMut, Reserved, Sharing};
use lessons::memory::touched_buffer;
use lessons::{Scenario, page_bytes};
use nix::sys::sendfile::sendfile;

use crate::wire::Wire;

const SENT: u8 = b'a';
const STORED_LATER: u8 = b'b';

/// Sends the one page of the file, which is also mapped, and returns how many bytes the socket took.
type SendMapped = fn(&mut TcpStream, &File, &[u8]) -> Result<usize>;

/// write(2) has copied the page when it returns.
pub(crate) fn after_write(scenario: &mut Scenario, files: &Files) -> Result<()> {
    store_after(scenario, files, |socket, _, page| {
        socket.write(page).context("write")
    })
}

/// sendfile(2) has only taken a reference to the page.
pub(crate) fn after_sendfile(scenario: &mut Scenario, files: &Files) -> Result<()> {
    store_after(scenario, files, |socket, file, page| {
        sendfile(socket, file, None, page.len()).context("sendfile")
    })
}

/// One process holds both ends, because it does not matter who reads.
fn store_after(scenario: &mut Scenario, files: &Files, send: SendMapped) -> Result<()> {
    let mut wire = Wire::new()?;
    let (file, mut page) = a_page(files)?;
    let mut arrived = touched_buffer(page_bytes())?;
    let done = scenario.run(|round| -> Result<()> {
        let length = send(&mut wire.sender, &file, &page)?;
        ensure!(
            length == page.len(),
            "the socket took only {length} bytes of a page"
        );
        page.fill(STORED_LATER);
        wire.receiver.read_exact(&mut arrived).context("read")?;
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

/// Makes a file of one page, and maps the page.
fn a_page(files: &Files) -> Result<(File, MappingMut)> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(files.directory().join("page"))
        .context("open(page)")?;
    file.set_len(page_bytes() as u64).context("ftruncate")?;
    let mut page = Reserved::new(page_bytes())?.map_mut(&file, Sharing::Shared, Filling::AtOnce)?;
    page.fill(SENT);
    Ok((file, page))
}
