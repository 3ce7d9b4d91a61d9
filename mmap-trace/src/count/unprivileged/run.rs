//! Runs a lesson without root: fork, release, wait, and read the accounts.

use std::{os::fd::AsFd as _, rc::Rc, sync::atomic::Ordering::Relaxed};

use anyhow::Result;

use super::{
    plan::{IoAccounting, chosen},
    rows,
};
use crate::count::{
    calibration::{calibrator, judge::Calibration},
    session::{
        attend::Attendant,
        child,
        kernel_log::LogReader,
        page::{self, Page},
        wait::{self, OnSignal},
    },
    skips::Misses,
    trace::{Job, Traced},
};

/// Runs the lesson. [`chosen`] says how its metrics are counted.
pub fn run(job: &Job) -> Result<Traced> {
    let memory = page::memory()?;
    let io = IoAccounting::here();
    let waiting = child::fork_waiting(&job.launch, calibrator::run)?;
    let page = Rc::new(Page::open(&memory)?);
    let wants_io = u32::from(io == IoAccounting::Kept);
    page.shared().wants_io.store(wants_io, Relaxed);
    let guardian = waiting.release(Some(memory.as_fd()), &job.shown)?;
    let end = wait::runtime()?.block_on(wait::wait_for(
        &guardian,
        job.limit,
        OnSignal::Stop,
        &mut LogReader::silent(),
        Some(Attendant::new(&page, guardian.pid())),
    ))?;
    guardian.kill_all()?;
    let marks = page.marks();
    Ok(Traced {
        chosen: chosen(&job.disk, io),
        rows: rows::rows(&marks),
        marks,
        calibration: Calibration::default(),
        // Without root no bytes are counted that a polled ring could miss.
        polled_rings: 0,
        misses: Misses::new(),
        untraced_threads: 0,
        still_running: 0,
        end,
    })
}
