//! The table of metrics without root: what each is counted by, or why it cannot be counted.

use std::fs;

use mmap_trace_ebpf::counters::Counter;

use crate::{
    count::{
        attach::{
            load::Chosen,
            plan::{Need, PLAN, Probe},
        },
        kernel::disk::Disk,
    },
    metrics::{Grade, Metric},
};

/// The kernel's account of the process and the children it waited for, which defines the metric `faults`.
static GETRUSAGE: Probe = Probe {
    name: "getrusage",
    programs: &[],
    needs: &[],
    grade: Grade::Counted,
    meaning: "ru_minflt + ru_majflt of the process and the children it joined, over the round",
    parts: &[(Counter::FaultsTaken, "")],
    divisions: &[(Counter::FaultsMajor, "major")],
};

/// `submit_bio` (block/blk-core.c) adds reads from any device to the submitting task (`task_io_account_read`).
static PROC_IO: Probe = Probe {
    name: "proc_io",
    programs: &[],
    needs: &[Need::BlockDevice],
    grade: Grade::Inferred,
    meaning: "read_bytes of /proc/PID/io over the round: read requests of the process and the children it \
              joined, to any device, metadata among them",
    parts: &[(Counter::BlockRead, "")],
    divisions: &[],
};

/// Why an ordinary account cannot count a metric.
const fn why_not(metric: Metric) -> &'static str {
    match metric {
        Metric::Syscalls => "/proc/PID/io counts calls of the read and write classes only",
        Metric::CopiedToUser => "rchar of /proc/PID/io counts what calls returned, copied or not",
        Metric::CopiedFromUser => "wchar of /proc/PID/io counts what calls returned, copied or not",
        Metric::DirectRead | Metric::DirectWritten => {
            "/proc/PID/io does not distinguish O_DIRECT from other reads and writes"
        }
        Metric::Transferred => "/proc/PID/io mixes what sendfile moves with what read copies",
        Metric::FaultsFailed | Metric::FaultsWaited => "getrusage counts completed faults only",
        Metric::PagesMappedAround | Metric::CacheAddedPages => {
            "no account of a process covers the page cache"
        }
        Metric::PagesDirtied => {
            "write_bytes of /proc/PID/io mixes dirtied pages with metadata and direct writes"
        }
        Metric::PagesWritten | Metric::BlockWritten => {
            "write_bytes of /proc/PID/io grows when pages become dirty, not when they are written"
        }
        Metric::PagesCleanedUnwritten => {
            "cancelled_write_bytes of /proc/PID/io is charged to whoever truncates"
        }
        Metric::CpuSamples => {
            "the kernel shows its instruction addresses to privileged programs only"
        }
        _ => "no account of a process covers it",
    }
}

/// Whether /proc/PID/io can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoAccounting {
    Kept,
    /// Reading failed with this error.
    Missing(std::io::ErrorKind),
}

impl IoAccounting {
    /// Reads the tracer's own; the lesson has the same account.
    #[must_use]
    pub fn here() -> Self {
        fs::read("/proc/self/io").map_or_else(|error| Self::Missing(error.kind()), |_| Self::Kept)
    }

    fn refusal(self) -> Option<String> {
        match self {
            Self::Kept => None,
            Self::Missing(why) => Some(format!(
                "cannot read /proc/self/io: {why}; it needs a kernel with CONFIG_TASK_IO_ACCOUNTING and an \
                 unrestricted /proc"
            )),
        }
    }
}

fn reads_rejection(disk: &Disk, io: IoAccounting) -> Option<String> {
    match disk.device {
        None => Some(format!(
            "{} is not on a single block device",
            disk.file_system
        )),
        Some(_) => io.refusal(),
    }
}

/// How each metric is counted here, in the order of the plan.
#[must_use]
pub fn chosen(disk: &Disk, io: IoAccounting) -> Vec<Chosen> {
    PLAN.iter()
        .map(|plan| {
            let counted = match plan.metric {
                Metric::Faults => Ok(&GETRUSAGE),
                Metric::BlockRead => reads_rejection(disk, io).map_or(Ok(&PROC_IO), Err),
                metric => Err(format!("needs root: {}", why_not(metric))),
            };
            Chosen {
                plan,
                probe: counted.as_ref().ok().copied(),
                rejected: counted
                    .err()
                    .map(|reason| ("without root", reason))
                    .into_iter()
                    .collect(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(device: Option<u32>, io: IoAccounting) -> (bool, Option<String>) {
        let disk = Disk {
            device,
            ..Disk::default()
        };
        let chosen = chosen(&disk, io);
        let reads = chosen
            .iter()
            .find(|chosen| chosen.plan.metric == Metric::BlockRead)
            .unwrap();
        (reads.probe.is_some(), reads.reason())
    }

    #[test]
    fn device_reads_without_an_account_are_not_zero() {
        let missing = IoAccounting::Missing(std::io::ErrorKind::NotFound);
        assert_eq!(reads(Some(1), IoAccounting::Kept), (true, None));
        let (counted, reason) = reads(Some(1), missing);
        assert!(!counted && reason.unwrap().contains("CONFIG_TASK_IO_ACCOUNTING"));
        let (counted, reason) = reads(None, IoAccounting::Kept);
        assert!(!counted && reason.unwrap().contains("block device"));
    }
}
