//! Finds the session page: a descriptor inherited from the tracer, or private memory.

use std::num::NonZeroUsize;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result, bail, ensure};
use memmap2::MmapOptions;
use mmap_trace_ebpf::session::{MAGIC, PAGE_BYTES, SESSION_FD_ENV, SessionPage};
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use nix::sys::stat::{SFlag, fstat};

use super::Session;

impl Session {
    /// Maps the tracer's page; returns `None` if this run is not traced.
    pub(crate) fn inherited() -> Result<Option<Self>> {
        let Some(value) = std::env::var_os(SESSION_FD_ENV) else {
            return Ok(None);
        };
        // SAFETY: `run` calls this before anything could have started a thread.
        unsafe { std::env::remove_var(SESSION_FD_ENV) };
        let number = value.to_str().and_then(|text| text.parse::<RawFd>().ok());
        let session = number
            .with_context(|| format!("{} is not a descriptor number", value.display()))
            .and_then(Self::map)
            .with_context(|| format!("{SESSION_FD_ENV} names no session page"))?;
        Ok(Some(session))
    }

    /// Makes private memory with the same layout, so that an untraced run does the same work.
    pub(crate) fn private() -> Result<Self> {
        let length = NonZeroUsize::new(mapped_bytes()).context("the session page is empty")?;
        let flags = MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
        let memory = unsafe { mmap_anonymous(None, length, protection, flags) }
            .context("mmap(session page)")?;
        // SAFETY: the mapping holds PAGE_BYTES zeroed bytes, is page-aligned, and is never unmapped.
        let page: &'static SessionPage = unsafe { memory.cast().as_ref() };
        page.magic.store(MAGIC, Relaxed);
        page.page_bytes.store(PAGE_BYTES as u64, Relaxed);
        Ok(Session { page })
    }

    fn map(number: RawFd) -> Result<Self> {
        ensure!(number > 2, "the tracer never passes descriptor {number}");
        // SAFETY: the borrowed number is only used to ask whether it is open; a closed one gives EBADF.
        let borrowed = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
        fcntl(borrowed, FcntlArg::F_GETFD).with_context(|| format!("descriptor {number}"))?;
        // SAFETY: it is open, and the tracer passed it to us and to nobody else in this process.
        let descriptor = unsafe { OwnedFd::from_raw_fd(number) };

        let status = fstat(&descriptor).context("fstat(session page)")?;
        let is_file = status.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFREG.bits();
        // An access behind the end of a file raises SIGBUS, which could not be reported as an error.
        ensure!(
            !is_file || status.st_size.unsigned_abs() >= PAGE_BYTES as u64,
            "a file of {} bytes is too short for a session page of {PAGE_BYTES}",
            status.st_size
        );
        let memory = MmapOptions::new()
            .len(mapped_bytes())
            .map_raw(&descriptor)
            .context("mmap(session page)")?;
        // SAFETY: the mapping is page-aligned, holds PAGE_BYTES, and is leaked on the next line.
        let page: &'static SessionPage = unsafe { &*memory.as_ptr().cast() };
        std::mem::forget(memory);
        if page.magic.load(Relaxed) != MAGIC {
            bail!("the memory does not begin with the session page's magic word");
        }
        let theirs = page.page_bytes.load(Relaxed);
        ensure!(
            theirs == PAGE_BYTES as u64,
            "the tracer's page has {theirs} bytes and the lesson's {PAGE_BYTES}: they are of different \
             builds; build both with: cargo build --release"
        );
        Ok(Session { page })
    }
}

/// An eBPF array with one entry can be mapped only up to the end of the entry, rounded up to pages.
fn mapped_bytes() -> usize {
    PAGE_BYTES.next_multiple_of(crate::page_bytes())
}
