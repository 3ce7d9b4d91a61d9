//! The table of probes: which programs count which metric, in the order in which they are tried.
//!
//! A probe counts a metric completely or not at all. Probes share programs; a program is loaded once.
//! Nothing here asks for a kernel version: what is missing rules a probe out.

use mmap_trace_ebpf::{counters::Counter, files::magic};

#[allow(clippy::wildcard_imports, reason = "the table names most programs")]
use super::programs::*;
use crate::metrics::{Grade, Metric};

/// What a probe needs apart from its programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The work directory is on this file system.
    FileSystem(FileSystem),
    /// The work directory is on a single block device.
    BlockDevice,
    /// `/proc/kallsyms` gives the addresses of functions.
    Symbols,
}

/// A file system that reports its own writeback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    Ext4,
    Xfs,
    Btrfs,
}

impl FileSystem {
    /// Its name in `/proc/self/mountinfo`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FileSystem::Ext4 => "ext4",
            FileSystem::Xfs => "xfs",
            FileSystem::Btrfs => "btrfs",
        }
    }

    /// Its magic.
    #[must_use]
    pub fn magic(self) -> u64 {
        match self {
            FileSystem::Ext4 => magic::EXT4,
            FileSystem::Xfs => magic::XFS,
            FileSystem::Btrfs => magic::BTRFS,
        }
    }
}

/// One method of counting a metric.
#[derive(Debug)]
pub struct Probe {
    /// Its name in outputs and for `--force-probe`.
    pub name: &'static str,
    /// Programs that must all be attached.
    pub programs: &'static [&'static Program],
    pub needs: &'static [Need],
    /// How reliable its numbers are before the calibration.
    pub grade: Grade,
    /// What exactly it counts, for people.
    pub meaning: &'static str,
    /// Counters whose sum is the value, each with the name of its part; a single one may have an empty name.
    pub parts: &'static [(Counter, &'static str)],
    /// Counters that divide the same value differently; they do not add to it.
    pub divisions: &'static [(Counter, &'static str)],
}

#[derive(Debug)]
pub struct MetricPlan {
    pub metric: Metric,
    /// In order of preference.
    pub probes: &'static [Probe],
    /// Why a kernel may have no probe for it; empty where every kernel has one.
    pub otherwise: &'static str,
}

macro_rules! probe {
    ($name:literal, $grade:ident, [$($program:ident)*], [$($need:expr),*], $meaning:literal,
     parts [$($part:ident $label:literal),*], divisions [$($division:ident $other:literal),*]) => {
        Probe {
            name: $name,
            programs: &[$(&$program,)*],
            needs: &[$($need,)*],
            grade: Grade::$grade,
            meaning: $meaning,
            parts: &[$((Counter::$part, $label),)*],
            divisions: &[$((Counter::$division, $other),)*],
        }
    };
}

const EXT4: Need = Need::FileSystem(FileSystem::Ext4);
const XFS: Need = Need::FileSystem(FileSystem::Xfs);
const BTRFS: Need = Need::FileSystem(FileSystem::Btrfs);
const SYMBOLS: Need = Need::Symbols;
const DEVICE: Need = Need::BlockDevice;

pub static PLAN: &[MetricPlan] = &[
    MetricPlan {
        metric: Metric::Syscalls,
        otherwise: "",
        probes: &[probe!("sys_exit", Counted, [SYS_EXIT], [],
            "returns from system calls, at tracepoint sys_exit; exit and exit_group do not return",
            parts [SyscallsRead "read", SyscallsWrite "write", SyscallsTransfer "transfer",
                SyscallsMap "map", SyscallsSync "sync", SyscallsOther "other"], divisions [])],
    },
    MetricPlan {
        metric: Metric::CopiedToUser,
        otherwise: "",
        probes: &[
            probe!("sys_exit", Inferred, [SYS_EXIT SOCKET_RECEIVE DIRECT_PROGRESS DIRECT_COMPLETE], [],
                "bytes returned by read-like calls and requests, by the file read; with MSG_TRUNC at \
                 skb_copy_datagram_iovec",
                parts [ToUserPageCache "page_cache", ToUserTmpfs "tmpfs", ToUserPipe "pipe",
                    ToUserSocket "socket", ToUserProcess "process", ToUserOther "other"], divisions []),
            probe!("fexit", Inferred,
                [CROSS_CHECK_FILEMAP_READ CROSS_CHECK_SHMEM_READ CROSS_CHECK_PIPE_READ SYS_EXIT SOCKET_RECEIVE], [],
                "bytes returned by filemap_read, shmem_file_read_iter and pipe_read into user memory; \
                 vmsplice out of a pipe calls none of them; all other paths as by sys_exit",
                parts [CrossCheckToUserPageCache "page_cache", CrossCheckToUserTmpfs "tmpfs",
                    CrossCheckToUserPipe "pipe", ToUserSocket "socket", ToUserProcess "process",
                    ToUserOther "other"], divisions []),
        ],
    },
    MetricPlan {
        metric: Metric::CopiedFromUser,
        otherwise: "",
        probes: &[
            probe!("sys_exit", Inferred, [SYS_EXIT DIRECT_PROGRESS DIRECT_COMPLETE], [],
                "bytes returned by write-like calls and requests, by the file written",
                parts [FromUserPageCache "page_cache", FromUserTmpfs "tmpfs", FromUserPipe "pipe",
                    FromUserSocket "socket", FromUserProcess "process", FromUserOther "other"], divisions []),
            probe!("fexit", Inferred,
                [CROSS_CHECK_GENERIC_WRITE CROSS_CHECK_PIPE_WRITE CROSS_CHECK_TCP_SEND CROSS_CHECK_UDP_SEND
                    CROSS_CHECK_UNIX_STREAM_SEND CROSS_CHECK_UNIX_DATAGRAM_SEND SYS_EXIT], [],
                "bytes returned by generic_perform_write (page cache and tmpfs), pipe_write and the \
                 sendmsg functions of TCP, UDP and unix sockets from user memory; all other paths as by \
                 sys_exit",
                parts [CrossCheckFromUserFile "file", CrossCheckFromUserPipe "pipe", CrossCheckFromUserSocket "socket",
                    FromUserProcess "process", FromUserOther "other"], divisions []),
        ],
    },
    MetricPlan {
        metric: Metric::DirectRead,
        otherwise: "",
        probes: &[
            probe!("sys_exit", Inferred, [SYS_EXIT DIRECT_PROGRESS DIRECT_COMPLETE], [],
            "bytes returned by reads with O_DIRECT that iomap or a block device moved without a copy",
            parts [DirectRead ""], divisions []),
        ],
    },
    MetricPlan {
        metric: Metric::DirectWritten,
        otherwise: "",
        probes: &[
            probe!("sys_exit", Inferred, [SYS_EXIT DIRECT_PROGRESS DIRECT_COMPLETE], [],
            "bytes returned by writes with O_DIRECT that iomap or a block device moved without a copy",
            parts [DirectWritten ""], divisions []),
        ],
    },
    MetricPlan {
        metric: Metric::Transferred,
        otherwise: "",
        probes: &[probe!("sys_exit", Counted, [SYS_EXIT], [],
            "bytes returned by sendfile, splice and copy_file_range",
            parts [Transferred ""], divisions [])],
    },
    MetricPlan {
        metric: Metric::Faults,
        otherwise: "",
        probes: &[
            probe!("exceptions", Counted, [FAULT_USER FAULT_KERNEL SYS_EXIT], [],
            "page-fault exceptions after which the task's min_flt or maj_flt had grown; populate is their growth without one",
            parts [FaultsUser "user", FaultsKernel "kernel", FaultsPopulate "populate"],
            divisions [FaultsRead "read", FaultsWrite "write", FaultsMajor "major", FaultsCow "cow",
                FaultsMkwrite "mkwrite", FaultsUnclassified "unclassified"]),
            probe!("handle_mm_fault", Counted, [FAULT_RETURNED SYS_EXIT], [],
            "returns of handle_mm_fault without retry or error; populate is the further growth of the task's \
             min_flt and maj_flt",
            parts [FaultsUser "user", FaultsKernel "kernel", FaultsPopulate "populate"],
            divisions [FaultsRead "read", FaultsWrite "write", FaultsMajor "major", FaultsCow "cow",
                FaultsMkwrite "mkwrite"]),
            probe!("perf_events", Counted, [FAULT_MINOR FAULT_MAJOR SYS_EXIT], [],
            "software events minor-faults and major-faults; populate is the further growth of the task's \
             min_flt and maj_flt",
            parts [FaultsTaken "exception", FaultsPopulate "populate"], divisions [FaultsMajor "major"]),
        ],
    },
    MetricPlan {
        metric: Metric::FaultsFailed,
        otherwise: "",
        probes: &[
            probe!("exceptions", Counted, [FAULT_USER FAULT_KERNEL SYS_EXIT], [],
            "page-fault exceptions after which neither min_flt nor maj_flt had grown: SIGSEGV, SIGBUS, EFAULT",
            parts [FaultsFailed ""], divisions []),
        ],
    },
    MetricPlan {
        metric: Metric::FaultsWaited,
        otherwise: "no tracepoint shows it",
        probes: &[probe!("fexit", Counted, [CROSS_CHECK_FAULT], [],
            "returns of handle_mm_fault that ask for a retry",
            parts [FaultsWaited ""], divisions [])],
    },
    MetricPlan {
        metric: Metric::CowCopiedPages,
        otherwise: "",
        probes: &[
            probe!("page_tables", Counted, [PEEK FAULT_USER FAULT_KERNEL SYS_EXIT TLB_FLUSHED], [],
            "write faults that took away the page at their address (the entry of the page table is empty at              tracepoint tlb_flush) unless it was the zero page, and first stores into private mappings of files",
            parts [CowAnonymousPages "anonymous", CowFilePages "file"], divisions []),
        ],
    },
    MetricPlan {
        metric: Metric::PagesMappedAround,
        otherwise: "",
        probes: &[probe!("mm_filemap_map_pages", Counted, [MAPPED_AROUND], [],
            "pages in the ranges that fault-around looked at: an upper bound of what it mapped",
            parts [PagesMappedAround ""], divisions [])],
    },
    MetricPlan {
        metric: Metric::CacheAddedPages,
        otherwise: "",
        probes: &[
            probe!("mm_filemap_add_to_page_cache", Counted, [CACHE_ADDED], [],
            "pages of regular files that the task added to the page cache, by folio size",
            parts [CacheAddedPages ""], divisions []),
        ],
    },
    MetricPlan {
        metric: Metric::PagesDirtied,
        otherwise: "",
        probes: &[probe!("writeback_dirty_folio", Counted, [DIRTY_FOLIO], [],
            "pages of regular files that became dirty, by folio size; tmpfs has no writeback and counts none",
            parts [PagesDirtied ""], divisions [])],
    },
    MetricPlan {
        metric: Metric::PagesWritten,
        otherwise: "",
        probes: &[
            probe!("ext4_writepages_result", Counted, [DIRTY_FOLIO EXT4_WRITTEN EXT4_FREED], [EXT4],
                "pages that ext4 wrote back, charged to the scenario that dirtied the inode last",
                parts [PagesWrittenProcess "process", PagesWrittenFlusher "flusher",
                    PagesWrittenShared "shared"], divisions []),
            probe!("ext4_writepages_result_module", Counted, [DIRTY_FOLIO EXT4_WRITTEN_RAW EXT4_FREED_RAW], [EXT4],
                "pages that the module ext4 wrote back, charged to the scenario that dirtied the inode last",
                parts [PagesWrittenProcess "process", PagesWrittenFlusher "flusher",
                    PagesWrittenShared "shared"], divisions []),
            probe!("folio_start_writeback", Counted, [DIRTY_FOLIO FOLIO_WRITTEN], [],
                "pages for which writeback began, charged to the scenario that dirtied the inode last",
                parts [PagesWrittenProcess "process", PagesWrittenFlusher "flusher",
                    PagesWrittenShared "shared"], divisions []),
            probe!("iomap_writeback_folio", Counted, [DIRTY_FOLIO IOMAP_WRITTEN], [XFS],
                "pages of the folios that xfs wrote back, charged to the scenario that dirtied the inode last",
                parts [PagesWrittenProcess "process", PagesWrittenFlusher "flusher",
                    PagesWrittenShared "shared"], divisions []),
            probe!("btrfs_ordered_extent_add", Counted, [DIRTY_FOLIO BTRFS_ORDERED BTRFS_FOLIO], [BTRFS],
                "pages that btrfs wrote back, compressed or not, charged to the scenario that dirtied the inode \
                 last",
                parts [PagesWrittenProcess "process", PagesWrittenFlusher "flusher",
                    PagesWrittenShared "shared"], divisions []),
        ],
    },
    MetricPlan {
        metric: Metric::PagesCleanedUnwritten,
        otherwise: "",
        probes: &[
            probe!("ext4_invalidate_folio", Counted, [DIRTY_FOLIO EXT4_INVALIDATED], [EXT4],
            "pages of dirty folios that ext4 gave up whole, in truncate and unlink",
            parts [PagesCleanedUnwritten ""], divisions []),
            probe!("ext4_invalidate_folio_module", Counted, [DIRTY_FOLIO EXT4_INVALIDATED_RAW], [EXT4],
            "pages of dirty folios that the module ext4 gave up whole, in truncate and unlink",
            parts [PagesCleanedUnwritten ""], divisions []),
        ],
    },
    MetricPlan {
        metric: Metric::BlockRead,
        otherwise: "",
        probes: &[probe!("block_bio_queue", Counted, [BIO_QUEUE], [DEVICE],
            "bytes of file data in read requests queued by the program to the work directory's device",
            parts [BlockRead ""], divisions [])],
    },
    MetricPlan {
        metric: Metric::BlockWritten,
        otherwise: "",
        probes: &[
            probe!("block_bio_queue", Counted, [BIO_QUEUE DIRTY_FOLIO], [DEVICE],
            "bytes of file data in write requests queued to that device, charged to the inode's owner",
            parts [BlockWritten ""], divisions []),
        ],
    },
    MetricPlan {
        metric: Metric::BlockOther,
        otherwise: "",
        probes: &[probe!("block_bio_queue", Counted, [BIO_QUEUE], [DEVICE],
            "all other bytes on that device during the scenario: journal, metadata, other programs",
            parts [BlockOther ""], divisions [])],
    },
    MetricPlan {
        metric: Metric::CpuSamples,
        otherwise: "",
        probes: &[probe!("symbols", Sampled, [CPU_SAMPLE], [SYMBOLS],
            "ticks of the software event cpu-clock, some 10,000 a second of CPU time, by the instruction that \
             each interrupted: in user mode, in a kernel function that copies (/proc/kallsyms), or elsewhere",
            parts [SamplesUser "user", SamplesCopying "copying", SamplesElsewhere "elsewhere"], divisions [])],
    },
];
