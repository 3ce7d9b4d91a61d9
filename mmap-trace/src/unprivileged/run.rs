//! A lesson whose accounts are read instead of its events: fork, release, wait.

use std::{fs::File, os::fd::AsFd as _, rc::Rc, sync::atomic::Ordering::Relaxed};

use anyhow::{Context as _, Result};
use mmap_trace_ebpf::session::PAGE_BYTES;
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{plan::won, rows};
use crate::{
    evidence::judge::Evidence,
    losses::Misses,
    session::{
        attend::Attendant,
        child,
        kernel_log::LogReader,
        members,
        page::Page,
        trace::{Job, Traced, page_bytes},
        wait::{self, OnSignal},
    },
};

/// Runs the lesson. Signals are counted as [`won`] says.
pub fn run(job: &Job) -> Result<Traced> {
    let memory = memfd_create(c"mmap-trace session", MFdFlags::MFD_CLOEXEC)
        .map(File::from)
        .context("memfd_create(session page)")?;
    memory
        .set_len(PAGE_BYTES.next_multiple_of(page_bytes()) as u64)
        .context("ftruncate(session page)")?;
    let waiting = child::fork_waiting(&job.plan)?;
    let (pid, membership) = (waiting.pid, waiting.membership);
    let page = Rc::new(Page::open(&memory)?);
    page.shared().wants_io.store(1, Relaxed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .context("start the runtime")?;
    waiting.release(Some(memory.as_fd()), &job.shown)?;
    let end = runtime.block_on(wait::wait_for(
        pid,
        job.limit,
        OnSignal::Kill,
        LogReader::silent(),
        Some(Attendant::new(&page, membership)),
    ))?;
    members::kill_all(membership);
    let marks = page.marks();
    Ok(Traced {
        won: won(&job.disk),
        rows: rows::rows(&marks),
        marks,
        evidence: Evidence::default(),
        misses: Misses::new(),
        membership,
        end,
    })
}
