//! Valid and invalid requests to the PFN lookup.

use std::{
    sync::atomic::Ordering::{Acquire, Relaxed, Release},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use nix::unistd::{Pid, getppid};

use super::Page;

pub(super) fn play(page: Page) -> Result<()> {
    let (cell, ()) = page.scenario("frames", || ());
    let here = std::ptr::from_ref(&cell).addr() as u64;
    for (name, process, address) in [
        ("own", Pid::this(), here),
        ("again", Pid::this(), here),
        ("nowhere", Pid::this(), 0),
        ("tracer", getppid(), here),
        ("init", Pid::from_raw(1), here),
    ] {
        let (result, frame) = ask(page, process, address)?;
        page.observe(cell, "result", name, i64::from(result));
        page.observe(cell, "frame", name, frame.cast_signed());
    }
    let (inside, answer) = page.scenario("inside", || ask(page, Pid::this(), here));
    page.observe(inside, "result", "own", i64::from(answer?.0));
    Ok(())
}

/// The result and the frame number of the tracer's answer.
fn ask(page: Page, process: Pid, address: u64) -> Result<(u32, u64)> {
    let lookup = &page.0.frames;
    ensure!(lookup.open.load(Relaxed) == 1, "nobody answers");
    lookup
        .process
        .store(process.as_raw().cast_unsigned(), Relaxed);
    lookup.address.store(address, Relaxed);
    let question = lookup.asked.load(Relaxed) + 1;
    lookup.asked.store(question, Release);
    let begin = Instant::now();
    while lookup.answered.load(Acquire) != question {
        ensure!(begin.elapsed() < Duration::from_secs(5), "no answer");
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok((lookup.result.load(Relaxed), lookup.frame.load(Relaxed)))
}
