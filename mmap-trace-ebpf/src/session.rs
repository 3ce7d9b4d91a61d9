//! The session page: shared memory in which a lesson marks what it is doing.
//!
//! It is an eBPF array map created with `BPF_F_MMAPABLE` (`array_map_mmap`, kernel/bpf/arraymap.c),
//! whose single value is a [`SessionPage`]. The lesson inherits its descriptor, maps it and writes it
//! with plain stores; the kernel programs read the same memory. So entering a scenario is one store,
//! without a system call, a copy or a fault.
//!
//! # Layout
//!
//! A page begins with [`MAGIC`] and its own size, then come:
//!
//! - [`Slot`]s: one for each process of the lesson. A slot names the cell and the role that the process
//!   counts in at present. At each event, a kernel program reads the slot of the current task, and
//!   adds to the counters of that cell and role.
//! - Scenario names: each scenario that the lesson enters has an index into this table.
//! - [`Cell`]s: one for each round of a scenario, with its times, the work that the lesson says it
//!   did, and what the kernel reports to the lesson itself (`getrusage(2)`, `/proc/self/io`). Cell 0
//!   is the time outside every scenario.
//! - [`Observation`]s: numbers that the lesson found out by itself.
//! - The [`PfnRequest`]: the one question that a lesson can ask the tracer.
//!
//! The lesson writes a record in an order that a reader can rely on: its other fields first, then the
//! word that says it is complete (`state`, `ready`, `io_ready`, `usage_ready`).
//!
//! # Trust
//!
//! A lesson can write anything into the page, so neither side trusts it. Which tasks are traced, and
//! all limits, are in maps that the lesson never sees; the kernel programs bound every index, and
//! the renderers escape every name.

#[cfg(not(target_arch = "bpf"))]
use core::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64};

/// The BPF target has no narrow atomics. Its programs read the page through pointers, and the layout is
/// the same.
#[cfg(target_arch = "bpf")]
mod words {
    pub(super) type AtomicU8 = u8;
    pub(super) type AtomicU32 = u32;
    pub(super) type AtomicU64 = u64;
    pub(super) type AtomicI64 = i64;
}
#[cfg(target_arch = "bpf")]
use words::{AtomicI64, AtomicU8, AtomicU32, AtomicU64};

/// Environment variable in which the tracer passes the number of the page's descriptor to the lesson.
pub const SESSION_FD_ENV: &str = "MMAP_TRACE_SESSION_FD";

/// The first word of a page that the tracer prepared.
pub const MAGIC: u64 = u64::from_le_bytes(*b"mmaptrc\x01");

/// Number of slots: processes of one lesson that are counted separately. Slot 0 is the first process.
pub const SLOTS: usize = 16;
/// Largest number of scenarios in one lesson.
pub const SCENARIOS: usize = 64;
/// Number of cells: rounds of all scenarios together, and cell 0 for the time outside every scenario.
pub const CELLS: usize = 512;
/// Largest number of observations in one run.
pub const OBSERVATIONS: usize = 1024;
/// Length of a name in bytes; names need no terminator.
pub const NAME_BYTES: usize = 40;

/// The part that a process plays in a scenario. Each role has counters of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Role {
    /// The only process, or the one that directs the others.
    Main,
    /// Puts bytes into a pipe, a socket or shared memory.
    Sender,
    /// Takes bytes out of a pipe, a socket or shared memory.
    Receiver,
    /// Reads a file or a mapping that other processes use, too.
    Reader,
    /// Writes a file or a mapping that other processes use, too.
    Writer,
}

impl Role {
    /// Every role, in the order of the discriminants.
    pub const ALL: [Role; ROLES] = [
        Role::Main,
        Role::Sender,
        Role::Receiver,
        Role::Reader,
        Role::Writer,
    ];

    /// The role's name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Main => "main",
            Role::Sender => "sender",
            Role::Receiver => "receiver",
            Role::Reader => "reader",
            Role::Writer => "writer",
        }
    }

    /// The role's bit in [`Cell::roles`].
    #[must_use]
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Number of roles.
pub const ROLES: usize = 5;

/// What one process of the lesson is doing. The process writes it; the kernel programs read it at
/// every event.
#[repr(C)]
pub struct Slot {
    /// The cell that events count in; 0 outside every scenario.
    pub cell: AtomicU32,
    /// The [`Role`] that events count in.
    pub role: AtomicU32,
    /// The slot of the next process that this one forks; 0 if the child shares this slot. The program at
    /// the tracepoint `sched_process_fork` reads it, before the child's first instruction.
    pub child_slot: AtomicU32,
    /// Makes the size of the struct a power of two.
    pub reserved: AtomicU32,
}

/// Value of [`Cell::state`]: the round has begun.
pub const CELL_ENTERED: u32 = 1;
/// Value of [`Cell::state`]: the round has ended.
pub const CELL_FINISHED: u32 = 2;

/// One round of one scenario. The lesson writes it (for a command, the program at
/// `sched_process_exec`); the tracer reads it.
#[repr(C)]
pub struct Cell {
    /// Index into [`SessionPage::scenario_names`].
    pub scenario: AtomicU32,
    /// 0 before the round begins, then [`CELL_ENTERED`], then [`CELL_FINISHED`].
    pub state: AtomicU32,
    /// The [`Role::bit`]s of all roles in this round, including those of idle processes.
    pub roles: AtomicU32,
    /// 1 once [`Cell::io`] is complete.
    pub io_ready: AtomicU32,
    /// `CLOCK_MONOTONIC` when the round began, in ns.
    pub begin_ns: AtomicU64,
    /// `CLOCK_MONOTONIC` when the round ended, in ns.
    pub end_ns: AtomicU64,
    /// Bytes that the lesson says it moved or touched.
    pub work_bytes: AtomicU64,
    /// Pages that the lesson says it touched.
    pub work_pages: AtomicU64,
    /// Operations that the lesson says it did: calls, messages or passes, as it defines them.
    pub work_operations: AtomicU64,
    /// Minor faults over the round, by `getrusage(2)`, with those of the children that it waited for.
    pub minor_faults: AtomicU64,
    /// Major faults, likewise.
    pub major_faults: AtomicU64,
    /// CPU time in user mode in µs, likewise.
    pub user_us: AtomicU64,
    /// CPU time in kernel mode in µs, likewise.
    pub system_us: AtomicU64,
    /// 1 once the four fields before it are complete.
    pub usage_ready: AtomicU32,
    /// Aligns the next field.
    pub reserved: AtomicU32,
    /// Growth of `/proc/self/io` over the round, with the children that it waited for, in the order of
    /// [`IO_FIELDS`].
    pub io: [AtomicU64; IO_FIELDS.len()],
}

/// The lines of `/proc/PID/io` (`proc_pid_io(5)`): `syscr` and `syscw` are calls, the others bytes.
pub const IO_FIELDS: [&str; 7] = [
    "rchar",
    "wchar",
    "syscr",
    "syscw",
    "read_bytes",
    "write_bytes",
    "cancelled_write_bytes",
];

/// Index of `read_bytes` in [`IO_FIELDS`].
pub const IO_READ_BYTES: usize = 4;

/// A UTF-8 name, padded with zero bytes.
pub type Name = [AtomicU8; NAME_BYTES];

/// A number that the lesson itself found out about a scenario. The lesson writes it; the tracer reads
/// it.
#[repr(C)]
pub struct Observation {
    /// Index into [`SessionPage::scenario_names`].
    pub scenario: AtomicU32,
    /// 1 once the other fields are complete.
    pub ready: AtomicU32,
    /// The value, in the last unit that the name contains.
    pub value: AtomicI64,
    /// What was observed.
    pub name: Name,
    /// Which one of several values this is (a process, a page, a size); empty for a single value.
    pub by: Name,
}

/// Name of an observation: something else on the machine interfered with every attempt at a scenario.
/// Its value is the number of attempts.
pub const PERTURBED: &str = "perturbed_attempts";

/// Value of [`PfnRequest::result`]: the tracer found the page frame.
pub const FRAME_FOUND: u32 = 1;
/// Value of [`PfnRequest::result`]: no page is mapped at the address.
pub const FRAME_ABSENT: u32 = 2;
/// Value of [`PfnRequest::result`]: the tracer does not answer, because the process does not belong to the
/// lesson, a scenario is running, the lesson asked too often, or the kernel hides page frames from the
/// tracer as well.
pub const FRAME_REFUSED: u32 = 3;

/// The one question that a lesson can ask the tracer: which page frame is mapped at this address of
/// this process? The kernel tells page frame numbers only to privileged processes (`pagemap_read`,
/// `fs/proc/task_mmu.c`).
#[repr(C)]
pub struct PfnRequest {
    /// 1 if there is a tracer that answers; the tracer sets it.
    pub open: AtomicU32,
    /// Number of questions; the lesson increments it when a question is complete.
    pub asked: AtomicU32,
    /// Number of questions answered; the tracer sets it to `asked` when the answer is complete.
    pub answered: AtomicU32,
    /// Process id in the lesson's pid namespace; the lesson writes it.
    pub process: AtomicU32,
    /// Virtual address in that process; the lesson writes it.
    pub address: AtomicU64,
    /// [`FRAME_FOUND`], [`FRAME_ABSENT`] or [`FRAME_REFUSED`]; the tracer writes it.
    pub result: AtomicU32,
    /// Aligns the next field.
    pub reserved: AtomicU32,
    /// Page frame number; the tracer writes it.
    pub frame: AtomicU64,
}

/// The whole page. At first everything after `page_bytes` is zero.
#[repr(C)]
pub struct SessionPage {
    /// [`MAGIC`], written by the tracer.
    pub magic: AtomicU64,
    /// Size of this struct in bytes, written by the tracer. A lesson that was built with another layout
    /// rejects the page.
    pub page_bytes: AtomicU64,
    /// What each process is doing, by slot.
    pub slots: [Slot; SLOTS],
    /// Number of scenarios in [`SessionPage::scenario_names`].
    pub scenario_count: AtomicU32,
    /// Number of cells in use, not counting cell 0.
    pub cell_count: AtomicU32,
    /// Number of observations in use.
    pub observation_count: AtomicU32,
    /// 1 if the lesson found one of the page's tables full.
    pub overflow: AtomicU32,
    /// 1 if the traced program is a command, which does not know of the page; the tracer writes it.
    pub command: AtomicU32,
    /// 1 if the lesson shall read `/proc/self/io` around each round; a tracer without root writes it.
    pub wants_io: AtomicU32,
    /// Names of the scenarios, by index.
    pub scenario_names: [Name; SCENARIOS],
    /// Rounds, in the order in which they began; cell 0 is unused.
    pub cells: [Cell; CELLS],
    /// Observations, in the order in which they were made.
    pub observations: [Observation; OBSERVATIONS],
    /// The question about a page frame, and its answer.
    pub frames: PfnRequest,
}

/// Size of the page in bytes.
pub const PAGE_BYTES: usize = size_of::<SessionPage>();

const _: () = assert!(align_of::<SessionPage>() == 8 && PAGE_BYTES.is_multiple_of(8));
