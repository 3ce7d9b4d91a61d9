//! Every map, with who writes and who reads it.

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap, PerCpuArray},
};
use mmap_trace_ebpf::{
    counters::{ROWS, Row},
    session::SessionPage,
    tables::{CONTROL_WORDS, INODES, InodeKey, InodeOwner, TASKS, Task, VmaCache},
    turns::{Place, Turn},
};

/// `BPF_F_MMAPABLE` (include/uapi/linux/bpf.h).
const MMAPABLE: u32 = 1 << 10;

/// Written by the lesson, read by every program: where each process stands. Not trusted.
#[map]
pub(crate) static SESSION: Array<SessionPage> = Array::with_max_entries(1, MMAPABLE);

/// Written by the programs, read once by the tracer: everything that is counted.
#[map]
pub(crate) static COUNTERS: PerCpuArray<Row> = PerCpuArray::with_max_entries(ROWS as u32, 0);

/// Private to the programs: slot and fault account of each traced thread.
#[map]
pub(crate) static TASK_TABLE: Array<Task> = Array::with_max_entries(TASKS as u32, 0);

/// Private to the programs, read by the tracer to see what is outstanding: who dirtied which inode.
#[map]
pub(crate) static INODE_TABLE: HashMap<InodeKey, InodeOwner> = HashMap::with_max_entries(INODES, 0);

/// Private to the programs: the mapping that the last write fault of each traced thread hit.
#[map]
pub(crate) static VMA_CACHE: Array<VmaCache> = Array::with_max_entries(TASKS as u32, 0);

/// Private to the programs: the event that each thread is at, where programs can be preempted.
#[map]
pub(crate) static TURNS: Array<Turn> = Array::with_max_entries(TASKS as u32, 0);

/// Written by the programs, read by the tracer: how often a second program acted, by `turns::Place`.
#[map]
pub(crate) static SECOND_TURNS: Array<u64> = Array::with_max_entries(Place::ALL.len() as u32, 0);

/// Written by the tracer and the programs: see `tables::CONTROL_…`.
#[map]
pub(crate) static CONTROL: Array<u64> = Array::with_max_entries(CONTROL_WORDS as u32, 0);
