//! The session page: shared memory in which a lesson marks what it is doing.
//!
//! It is an eBPF array map created with `BPF_F_MMAPABLE`. The lesson maps it from one inherited
//! descriptor and writes it with plain stores; the kernel programs read slots from the same memory.
//! Entering a scenario is therefore one store: no system call, no copy, no fault.
//!
//! Nothing in it is trusted. Membership and limits live in maps that the lesson never sees; the
//! kernel side bounds every index, and renderers escape every name.

#[cfg(not(target_arch = "bpf"))]
use core::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64};

/// The BPF target has no narrow atomics; its programs read the page by pointer, the layout is the same.
#[cfg(target_arch = "bpf")]
mod words {
    pub(super) type AtomicU8 = u8;
    pub(super) type AtomicU32 = u32;
    pub(super) type AtomicU64 = u64;
    pub(super) type AtomicI64 = i64;
}
#[cfg(target_arch = "bpf")]
use words::{AtomicI64, AtomicU8, AtomicU32, AtomicU64};

/// Environment variable that carries the number of the inherited descriptor of the page.
pub const SESSION_FD_ENV: &str = "MMAP_TRACE_SESSION_FD";

/// First word of a page that the tracer prepared.
pub const MAGIC: u64 = u64::from_le_bytes(*b"mmaptrc\x01");

/// Processes of one lesson that can be told apart. Slot 0 is the lesson's first process.
pub const SLOTS: usize = 16;
/// Scenarios of one lesson, without the time before, between and after them.
pub const SCENARIOS: usize = 64;
/// Rounds of all scenarios together; cell 0 is the time outside every scenario.
pub const CELLS: usize = 512;
/// Observations of one run.
pub const OBSERVATIONS: usize = 1024;
/// Bytes of a scenario's or an observation's name, without terminator.
pub const NAME_BYTES: usize = 40;

/// What a process is doing in a scenario. Counts are kept per role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Role {
    /// The only process, or the one that directs the others.
    Main,
    /// Puts bytes into a pipe, a socket or shared memory.
    Sender,
    /// Takes bytes out of it.
    Receiver,
    /// Reads a file or a mapping beside others.
    Reader,
    /// Writes a file or a mapping beside others.
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

/// Where one process of the lesson stands. The kernel programs read it at every event.
#[repr(C)]
pub struct Slot {
    /// The cell that events are counted in; 0 outside every scenario.
    pub cell: AtomicU32,
    /// A [`Role`].
    pub role: AtomicU32,
    /// Slot that the next forked process gets; 0: it shares this one.
    /// Stored before fork and read by `sched_process_fork`, hence before the child's first instruction.
    pub child_slot: AtomicU32,
    /// Keeps the struct at a power of two.
    pub reserved: AtomicU32,
}

/// A round that has begun.
pub const CELL_ENTERED: u32 = 1;
/// A round that has ended by itself.
pub const CELL_FINISHED: u32 = 2;

/// One round of one scenario.
#[repr(C)]
pub struct Cell {
    /// Index into [`SessionPage::scenario_names`].
    pub scenario: AtomicU32,
    /// 0, [`CELL_ENTERED`] or [`CELL_FINISHED`].
    pub state: AtomicU32,
    /// [`Role::bit`] of each role that a process of the round had, whether it did anything or not.
    pub roles: AtomicU32,
    /// 1 once `io` is complete.
    pub io_ready: AtomicU32,
    /// `CLOCK_MONOTONIC` at the first instruction, in ns.
    pub begin_ns: AtomicU64,
    /// `CLOCK_MONOTONIC` after the last instruction, in ns.
    pub end_ns: AtomicU64,
    /// Bytes that the scenario says it moved or touched.
    pub work_bytes: AtomicU64,
    /// Pages that the scenario says it touched.
    pub work_pages: AtomicU64,
    /// Calls, messages or passes, as the scenario defines them.
    pub work_operations: AtomicU64,
    /// `getrusage(2)` over the round, with the children it joined: minor faults.
    pub minor_faults: AtomicU64,
    /// The same: major faults.
    pub major_faults: AtomicU64,
    /// The same: CPU time in user mode, in µs.
    pub user_us: AtomicU64,
    /// The same: CPU time in kernel mode, in µs.
    pub system_us: AtomicU64,
    /// 1 once the four above are complete.
    pub usage_ready: AtomicU32,
    /// Keeps what follows aligned.
    pub reserved: AtomicU32,
    /// `/proc/self/io` over the round, with the children it joined, in the order of [`IO_FIELDS`].
    pub io: [AtomicU64; IO_FIELDS.len()],
}

/// The lines of `/proc/PID/io`, see `proc_pid_io(5)`: calls are events, all others bytes.
pub const IO_FIELDS: [&str; 7] = [
    "rchar",
    "wchar",
    "syscr",
    "syscw",
    "read_bytes",
    "write_bytes",
    "cancelled_write_bytes",
];

/// `read_bytes` in [`IO_FIELDS`].
pub const IO_READ_BYTES: usize = 4;

/// A UTF-8 name, filled up with zero bytes.
pub type Name = [AtomicU8; NAME_BYTES];

/// A named integer about a scenario that is not a kernel event.
#[repr(C)]
pub struct Observation {
    /// Index into [`SessionPage::scenario_names`].
    pub scenario: AtomicU32,
    /// 1 once the other fields are complete.
    pub ready: AtomicU32,
    /// The value, in the unit that the name ends with.
    pub value: AtomicI64,
    /// What was observed.
    pub name: Name,
    /// Which of several (a process, a page, a size); empty for the value itself.
    pub by: Name,
}

/// Name of an observation: something outside of the lesson disturbed the last attempt at a scenario,
/// too. Its value is the number of attempts.
pub const PERTURBED: &str = "perturbed_attempts";

/// The tracer found the page frame.
pub const FRAME_FOUND: u32 = 1;
/// No page of memory is at the address.
pub const FRAME_ABSENT: u32 = 2;
/// The tracer does not answer: the process is none of the lesson's, a scenario is under way, too much
/// was asked, or the kernel tells even the tracer nothing.
pub const FRAME_REFUSED: u32 = 3;

/// The tracer's one service: in which page frame is this address of that process? The kernel tells it
/// to privileged processes only.
#[repr(C)]
pub struct FrameDesk {
    /// 1 if a tracer answers.
    pub open: AtomicU32,
    /// Raised by the lesson when a question is complete.
    pub asked: AtomicU32,
    /// Set by the tracer to `asked` when the answer is complete.
    pub answered: AtomicU32,
    /// Process id, as the lesson sees it.
    pub process: AtomicU32,
    /// The address, in that process.
    pub address: AtomicU64,
    /// [`FRAME_FOUND`], [`FRAME_ABSENT`] or [`FRAME_REFUSED`].
    pub result: AtomicU32,
    /// Keeps what follows aligned.
    pub reserved: AtomicU32,
    /// Page frame number.
    pub frame: AtomicU64,
}

/// The whole page. All zeros but for `magic` is a page on which nothing has happened yet.
#[repr(C)]
pub struct SessionPage {
    /// [`MAGIC`], written by the tracer.
    pub magic: AtomicU64,
    /// Size of this struct in bytes, written by the tracer: a lesson of another build refuses it.
    pub page_bytes: AtomicU64,
    /// Processes, by slot.
    pub slots: [Slot; SLOTS],
    /// Scenarios entered in [`SessionPage::scenario_names`].
    pub scenario_count: AtomicU32,
    /// Cells handed out, without cell 0.
    pub cell_count: AtomicU32,
    /// Observations handed out.
    pub observation_count: AtomicU32,
    /// 1 once the lesson found a table of this page full.
    pub overflow: AtomicU32,
    /// 1 if the page belongs to a command, which does not know of it.
    pub command: AtomicU32,
    /// 1 if the lesson is to read `/proc/self/io` around each round, written by a tracer without root.
    pub wants_io: AtomicU32,
    /// Names of the scenarios.
    pub scenario_names: [Name; SCENARIOS],
    /// Rounds, by cell.
    pub cells: [Cell; CELLS],
    /// Observations.
    pub observations: [Observation; OBSERVATIONS],
    /// Questions about page frames.
    pub frames: FrameDesk,
}

/// Bytes of the page.
pub const PAGE_BYTES: usize = size_of::<SessionPage>();

const _: () = assert!(align_of::<SessionPage>() == 8 && PAGE_BYTES.is_multiple_of(8));
