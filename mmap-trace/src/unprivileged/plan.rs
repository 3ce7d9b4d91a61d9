//! The table: what each signal rests on without root, or why nothing tells it.

use mmap_trace_ebpf::counters::Counter;

use crate::{
    attach::{
        load::Won,
        plan::{Need, PLAN, Way},
    },
    kernel::disk::Disk,
    signals::{Grade, Signal},
};

/// The kernel's own account of the process and the children it waited for: what `faults` is defined by.
static GETRUSAGE: Way = Way {
    name: "getrusage",
    programs: &[],
    needs: &[],
    grade: Grade::Counted,
    meaning: "ru_minflt + ru_majflt of the process and the children it joined, over the round",
    parts: &[(Counter::FaultsTaken, "")],
    divisions: &[(Counter::FaultsMajor, "major")],
};

/// `task_io_account_read` (block/blk-core.c, `submit_bio_noacct`): of the submitting task, any device.
static PROC_IO: Way = Way {
    name: "proc_io",
    programs: &[],
    needs: &[Need::BlockDevice],
    grade: Grade::Inferred,
    meaning: "read_bytes of /proc/PID/io over the round: read requests of the process and the children it \
              joined, to any device, metadata among them",
    parts: &[(Counter::BlockRead, "")],
    divisions: &[],
};

/// Why an ordinary account is not told a signal.
const fn untold(signal: Signal) -> &'static str {
    match signal {
        Signal::Syscalls => "/proc/PID/io counts calls of the read and write classes only",
        Signal::CopiedToUser => "rchar of /proc/PID/io counts what calls returned, copied or not",
        Signal::CopiedFromUser => "wchar of /proc/PID/io counts what calls returned, copied or not",
        Signal::DirectRead | Signal::DirectWritten => {
            "/proc/PID/io does not tell O_DIRECT from other reads and writes"
        }
        Signal::Transferred => "/proc/PID/io mixes what sendfile moves with what read copies",
        Signal::FaultsFailed | Signal::FaultsWaited => "getrusage counts completed faults only",
        Signal::PagesMappedAround | Signal::CacheAddedPages => {
            "no account of a process tells of the page cache"
        }
        Signal::PagesDirtied => {
            "write_bytes of /proc/PID/io mixes dirtied pages with metadata and direct writes"
        }
        Signal::PagesWritten | Signal::BlockWritten => {
            "write_bytes of /proc/PID/io grows when pages become dirty, not when they are written"
        }
        Signal::PagesCleanedUnwritten => {
            "cancelled_write_bytes of /proc/PID/io is charged to whoever truncates"
        }
        Signal::BlockOther => "no account of a process tells of other requests to the device",
        Signal::Faults | Signal::BlockRead => "no account tells it",
    }
}

/// How each signal is counted here, in the order of the plan.
#[must_use]
pub fn won(disk: &Disk) -> Vec<Won> {
    PLAN.iter()
        .map(|plan| {
            let way = match plan.signal {
                Signal::Faults => Some(&GETRUSAGE),
                Signal::BlockRead if disk.device.is_some() => Some(&PROC_IO),
                _ => None,
            };
            let reason = match plan.signal {
                Signal::BlockRead => {
                    format!("{} does not lie on one block device", disk.file_system)
                }
                signal => format!("needs root: {}", untold(signal)),
            };
            Won {
                plan,
                way,
                refused: match way {
                    Some(_) => Vec::new(),
                    None => vec![("without root", reason)],
                },
            }
        })
        .collect()
}
