//! Every map of the object: what it holds, who writes it and who reads it.

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap, PerCpuArray},
};
use mmap_trace_ebpf::{
    backups::{LastEvent, MAX_BACKUPS},
    counters::{CounterRow, ROWS},
    session::SessionPage,
    tables::{
        self, AioKey, AioRequest, CONTROL_WORDS, DESCRIPTOR_CHANGES as CHANGES, DISPLACED,
        DescriptorChanges, INODES, InodeKey, InodeOwner, RingEvent, RingRequest, RingStream, TASKS,
        TaskEntry, VmaCache,
    },
};

/// `BPF_F_MMAPABLE` (include/uapi/linux/bpf.h).
const MMAPABLE: u32 = 1 << 10;

/// What each process is doing. The lesson writes it, every program reads it, and none trusts it.
#[map]
pub(crate) static SESSION: Array<SessionPage> = Array::with_max_entries(1, MMAPABLE);

/// Everything that is counted, by row and CPU. The programs write it; the tracer reads it at the end.
#[map]
pub(crate) static COUNTERS: PerCpuArray<CounterRow> = PerCpuArray::with_max_entries(ROWS as u32, 0);

/// Slot and fault account of each traced thread. Only the programs use it.
#[map]
pub(crate) static TASK_TABLE: Array<TaskEntry> =
    Array::with_max_entries((TASKS + DISPLACED) as u32, 0);

/// Which row dirtied which inode. The programs write it; the tracer reads it to find out which pages
/// have not been written back yet.
#[map]
pub(crate) static INODE_TABLE: HashMap<InodeKey, InodeOwner> = HashMap::with_max_entries(INODES, 0);

/// The mapping that the last write fault of each traced thread hit. Only the programs use it.
#[map]
pub(crate) static VMA_CACHE: Array<VmaCache> = Array::with_max_entries(TASKS as u32, 0);

/// The last event that a primary program saw in each thread, where programs can be preempted. Only
/// the programs use it.
#[map]
pub(crate) static LAST_EVENTS: Array<LastEvent> = Array::with_max_entries(TASKS as u32, 0);

/// How often each backup program handled an event, by `backups::key_of`. The tracer adds an entry for
/// each backup and reads it; the programs add to it.
#[map]
pub(crate) static BACKUP_RUNS: HashMap<u64, u64> = HashMap::with_max_entries(MAX_BACKUPS, 0);

/// The requests of io_uring in flight, by address of their `struct io_kiocb`. Only the programs use it.
#[map]
pub(crate) static RING_REQUESTS: HashMap<u64, RingRequest> =
    HashMap::with_max_entries(tables::RING_REQUESTS, 0);

/// The requests of io_uring that may post several events, by what connects the events with them. Only the
/// programs use it.
#[map]
pub(crate) static RING_STREAMS: HashMap<RingEvent, RingStream> =
    HashMap::with_max_entries(tables::RING_STREAMS, 0);

/// The requests of native AIO in flight. Only the programs use it.
#[map]
pub(crate) static AIO_REQUESTS: HashMap<AioKey, AioRequest> =
    HashMap::with_max_entries(tables::AIO_REQUESTS, 0);

/// How often completion queues of io_uring have overflowed, by a hash of the ring's address. Only the programs
/// use it.
#[map]
pub(crate) static RING_OVERFLOWS: Array<u64> = Array::with_max_entries(tables::RING_OVERFLOWS, 0);

/// Words at the indices `tables::CONTROL_…`, which the tracer and the programs write and read.
#[map]
pub(crate) static CONTROL: Array<u64> = Array::with_max_entries(CONTROL_WORDS as u32, 0);

/// When each descriptor of a shared table was closed or replaced last. Only the programs use it.
#[map]
pub(crate) static DESCRIPTOR_CHANGES: Array<DescriptorChanges> =
    Array::with_max_entries(CHANGES as u32, 0);
