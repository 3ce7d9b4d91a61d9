//! Questions about page frames, good ones and others.

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

/// The result and the number that are on the desk when the tracer has answered.
fn ask(page: Page, process: Pid, address: u64) -> Result<(u32, u64)> {
    let desk = &page.0.frames;
    ensure!(desk.open.load(Relaxed) == 1, "nobody answers");
    desk.process
        .store(process.as_raw().cast_unsigned(), Relaxed);
    desk.address.store(address, Relaxed);
    let question = desk.asked.load(Relaxed) + 1;
    desk.asked.store(question, Release);
    let begin = Instant::now();
    while desk.answered.load(Acquire) != question {
        ensure!(begin.elapsed() < Duration::from_secs(5), "no answer");
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok((desk.result.load(Relaxed), desk.frame.load(Relaxed)))
}
