//! The table of steps: what the calibrator does, and what must be counted for it.
//!
//! A metric that a step does not name must count 0 in it, unless other tasks may add to the metric at any
//! time ([`JUDGED_WHERE_NAMED`]).

use super::{
    bench::{BYTES, Bench, LARGE_BYTES, PAGES},
    channels, files, memory,
};
use crate::metrics::Metric;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    Exactly(u64),
    /// The number of pages in [`LARGE_BYTES`].
    LargePages,
    /// The size of this many pages, in bytes.
    PagesAsBytes(u64),
    /// The minor and major faults that getrusage counted.
    Rusage,
    /// Any number: the step measures it.
    Measured,
}

#[derive(Clone, Copy, Debug)]
pub struct Expected {
    pub metric: Metric,
    /// A part of the metric; empty for the whole metric.
    pub part: &'static str,
    pub amount: Amount,
}

/// The file systems on which the counts of a step are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Any file system.
    Anything,
    /// File systems with a page cache in front of storage.
    CachedFiles,
    /// File systems whose writeback is known; see [`KNOWN`].
    KnownDisk,
}

pub const KNOWN: &[&str] = &["ext4", "xfs"];

/// One known workload.
pub struct Step {
    /// What it does, for people.
    pub name: &'static str,
    pub on: On,
    /// Does the work, with one call of [`Bench::measure`].
    pub run: fn(&Bench<'_>) -> nix::Result<()>,
    pub expected: &'static [Expected],
}

/// Metrics that the calibration does not judge, because their counts cannot be known in advance.
pub const NOT_JUDGED: &[(Metric, &str)] = &[
    (
        Metric::FaultsWaited,
        "no workload reliably makes a fault wait",
    ),
    (
        Metric::PagesMappedAround,
        "it is an upper bound, and nothing else counts it",
    ),
    (
        Metric::CpuSamples,
        "the number of clock ticks differs from run to run",
    ),
    (
        Metric::BlockOther,
        "it counts what other programs do on the device",
    ),
];

/// Metrics to which writeback and readahead may add at any time, and pages that the calibrator copies because
/// it was forked.
pub const JUDGED_WHERE_NAMED: &[Metric] = &[
    Metric::CowCopiedPages,
    Metric::CacheAddedPages,
    Metric::PagesWritten,
    Metric::PagesCleanedUnwritten,
    Metric::BlockRead,
    Metric::BlockWritten,
];

macro_rules! steps {
    ($($name:literal on $on:ident by $run:path => [$($metric:ident $(. $part:ident)? = $amount:expr),*];)*) => {
        /// All steps, in the order in which they run.
        pub static STEPS: &[Step] = &[$(Step {
            name: $name,
            on: On::$on,
            run: $run,
            expected: &[$(Expected {
                metric: Metric::$metric,
                part: concat!($(stringify!($part))?),
                amount: $amount,
            },)*],
        },)*];
    };
}

use Amount::{Exactly, LargePages, Measured, PagesAsBytes, Rusage};

steps! {
    "doing nothing" on Anything by memory::nothing => [];
    "a store into each new page" on Anything by memory::touch =>
        [Faults = Rusage, Faults.populate = Exactly(0), CowCopiedPages = Exactly(0)];
    "stores into pages that a child uses, too" on Anything by memory::copy_on_write =>
        [Faults = Rusage, CowCopiedPages.anonymous = Exactly(PAGES)];
    "stores into pages that a child used until it ended" on Anything by memory::keep_on_write =>
        [Faults = Rusage, CowCopiedPages = Exactly(0)];
    "MAP_POPULATE" on Anything by memory::populate =>
        [Syscalls.map = Exactly(1), Faults = Rusage, Faults.populate = Exactly(PAGES)];
    "a store that fails the first time" on Anything by memory::store_twice =>
        [Syscalls.map = Exactly(1), Syscalls.other = Exactly(1), Faults = Rusage,
            FaultsFailed = Exactly(1)];
    "a write from pages that are not present" on Anything by memory::write_from_new_pages =>
        [Syscalls.write = Exactly(1), CopiedFromUser.pipe = PagesAsBytes(PAGES / 2), Faults = Rusage];
    "a pipe" on Anything by channels::pipe =>
        [Syscalls.write = Exactly(1), Syscalls.read = Exactly(1),
            CopiedFromUser.pipe = Exactly(BYTES), CopiedToUser.pipe = Exactly(BYTES)];
    "a unix socket" on Anything by channels::socket =>
        [Syscalls.write = Exactly(1), Syscalls.read = Exactly(1),
            CopiedFromUser.socket = Exactly(BYTES), CopiedToUser.socket = Exactly(BYTES)];
    "a TCP connection" on Anything by channels::tcp =>
        [Syscalls.write = Exactly(1), Syscalls.read = Exactly(1),
            CopiedFromUser.socket = Exactly(BYTES), CopiedToUser.socket = Exactly(BYTES)];
    "a UDP datagram" on Anything by channels::udp =>
        [Syscalls.write = Exactly(1), Syscalls.read = Exactly(1),
            CopiedFromUser.socket = Exactly(BYTES), CopiedToUser.socket = Exactly(BYTES)];
    "a file in memory" on Anything by channels::memory_file =>
        [Syscalls.write = Exactly(1), Syscalls.read = Exactly(1),
            CopiedFromUser.tmpfs = Exactly(BYTES), CopiedToUser.tmpfs = Exactly(BYTES)];
    "process_vm_readv and process_vm_writev" on Anything by channels::own_process =>
        [Syscalls.transfer = Exactly(2),
            CopiedFromUser.process = Exactly(BYTES), CopiedToUser.process = Exactly(BYTES)];
    "a read of /dev/zero and a write to /dev/null" on Anything by channels::devices =>
        [Syscalls.write = Exactly(1), Syscalls.read = Exactly(1), CopiedToUser.other = Exactly(BYTES)];
    "splice from a file into a pipe" on Anything by channels::splice =>
        [Syscalls.transfer = Exactly(1), Transferred = Exactly(BYTES)];
    "sendfile into a socket" on Anything by channels::sendfile =>
        [Syscalls.transfer = Exactly(1), Transferred = Exactly(BYTES)];
    "a write and fsync" on KnownDisk by files::write_and_sync =>
        [Syscalls.write = Exactly(PAGES), Syscalls.sync = Exactly(1),
            CopiedFromUser.page_cache = PagesAsBytes(PAGES), CacheAddedPages = Exactly(PAGES),
            PagesDirtied = Exactly(PAGES), PagesWritten = Exactly(PAGES),
            BlockWritten = PagesAsBytes(PAGES)];
    "a read of a cached file" on CachedFiles by files::read_cached =>
        [Syscalls.read = Exactly(1), CopiedToUser.page_cache = Exactly(BYTES), CacheAddedPages = Exactly(0)];
    "a read into a buffer that is too short" on CachedFiles by files::read_short =>
        [Syscalls.read = Exactly(1), CopiedToUser.page_cache = PagesAsBytes(1), FaultsFailed = Measured];
    "loads from a mapped file" on CachedFiles by files::load =>
        [Faults = Rusage, Faults.cow = Exactly(0), Faults.mkwrite = Exactly(0)];
    "stores into a private mapping" on KnownDisk by files::store_private =>
        [Faults = Rusage, Faults.cow = Exactly(PAGES), CowCopiedPages.file = Exactly(PAGES)];
    "stores into a shared mapping" on KnownDisk by files::store_shared =>
        [Faults = Rusage, Faults.mkwrite = Exactly(PAGES), PagesDirtied = Exactly(PAGES)];
    "a read of a cold file" on KnownDisk by files::read_cold =>
        [Syscalls.read = Exactly(1), CopiedToUser.page_cache = PagesAsBytes(PAGES),
            CacheAddedPages = Exactly(PAGES), BlockRead = PagesAsBytes(PAGES)];
    "a read with O_DIRECT" on KnownDisk by files::read_direct =>
        [Syscalls.read = Exactly(1), DirectRead = PagesAsBytes(PAGES), BlockRead = PagesAsBytes(PAGES),
            Faults = Rusage];
    "a write with O_DIRECT" on KnownDisk by files::write_direct =>
        [Syscalls.write = Exactly(1), DirectWritten = PagesAsBytes(PAGES),
            BlockWritten = PagesAsBytes(PAGES), Faults = Rusage];
    "ftruncate of dirty pages" on KnownDisk by files::truncate_dirty =>
        [Syscalls.write = Exactly(PAGES), Syscalls.other = Exactly(1),
            CopiedFromUser.page_cache = PagesAsBytes(PAGES), PagesDirtied = Exactly(PAGES),
            PagesCleanedUnwritten = Exactly(PAGES)];
    "one large write and fsync" on KnownDisk by files::write_large_and_sync =>
        [Syscalls.write = Exactly(1), Syscalls.sync = Exactly(1),
            CopiedFromUser.page_cache = Exactly(LARGE_BYTES), CacheAddedPages = LargePages,
            PagesDirtied = LargePages, PagesWritten = LargePages,
            BlockWritten = Exactly(LARGE_BYTES)];
    "one byte into a large folio" on KnownDisk by files::byte_into_large_folio =>
        [Syscalls.write = Exactly(1), CopiedFromUser.page_cache = Exactly(1), PagesDirtied = Measured];
}
