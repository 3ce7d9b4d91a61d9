//! What the process itself knows about a round: its clock and its resource usage.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

/// Reads `CLOCK_MONOTONIC` through the vDSO, without a system call if the clock source allows it.
pub(crate) fn now_ns() -> u64 {
    // The clock exists on every Linux; a wrong time would only make a duration wrong.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| {
        time.tv_sec().unsigned_abs() * 1_000_000_000 + time.tv_nsec().unsigned_abs()
    })
}

/// What `getrusage(2)` and `wait4(2)` count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) minor_faults: u64,
    pub(crate) major_faults: u64,
    pub(crate) user_us: u64,
    pub(crate) system_us: u64,
    /// Blocks of 512 bytes that the task asked devices for.
    pub(crate) input_blocks: u64,
}

impl Usage {
    /// The usage of this process and of all children that it has waited for.
    pub(crate) fn now() -> nix::Result<Self> {
        let mut sum = Usage::default();
        for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
            let usage = getrusage(who)?;
            sum = sum.plus(Usage {
                minor_faults: usage.minor_page_faults().unsigned_abs(),
                major_faults: usage.major_page_faults().unsigned_abs(),
                user_us: usage.user_time().num_microseconds().unsigned_abs(),
                system_us: usage.system_time().num_microseconds().unsigned_abs(),
                input_blocks: usage.block_reads().unsigned_abs(),
            });
        }
        Ok(sum)
    }

    pub(crate) fn of_child(usage: &libc::rusage) -> Self {
        let microseconds = |time: libc::timeval| {
            time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_usec.unsigned_abs()
        };
        Usage {
            minor_faults: usage.ru_minflt.unsigned_abs(),
            major_faults: usage.ru_majflt.unsigned_abs(),
            user_us: microseconds(usage.ru_utime),
            system_us: microseconds(usage.ru_stime),
            input_blocks: usage.ru_inblock.unsigned_abs(),
        }
    }

    pub(crate) fn plus(self, other: Usage) -> Usage {
        Usage {
            minor_faults: self.minor_faults + other.minor_faults,
            major_faults: self.major_faults + other.major_faults,
            user_us: self.user_us + other.user_us,
            system_us: self.system_us + other.system_us,
            input_blocks: self.input_blocks + other.input_blocks,
        }
    }

    /// What was added since `earlier`. The kernel scales times, so they may step back by a microsecond.
    pub(crate) fn since(self, earlier: Usage) -> Usage {
        Usage {
            minor_faults: self.minor_faults.saturating_sub(earlier.minor_faults),
            major_faults: self.major_faults.saturating_sub(earlier.major_faults),
            user_us: self.user_us.saturating_sub(earlier.user_us),
            system_us: self.system_us.saturating_sub(earlier.system_us),
            input_blocks: self.input_blocks.saturating_sub(earlier.input_blocks),
        }
    }
}
