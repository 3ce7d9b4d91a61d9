//! Which programs the kernel skipped, and for how many of the events their backups ran
//! (`mmap_trace_ebpf::backups`).

use std::{
    collections::BTreeMap,
    fs,
    os::fd::{AsFd as _, AsRawFd as _},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use aya::{Ebpf, maps::HashMap};
use mmap_trace_ebpf::backups::key_of;

use super::attach::programs::{PROGRAMS, WhenSkipped};

/// How often the kernel skipped each program without a backup running in its place.
pub type Misses = BTreeMap<String, u64>;

/// How often skips and backup runs are read, and the pause between two readings.
///
/// The two cannot be read at one instant: the kernel may skip a program in between, and a task may be
/// preempted after the kernel skipped the primary and before the backup ran. Such a task often waits for
/// the very CPU on which the tracer reads, so the tracer has to give up the CPU before it reads again.
const READINGS: usize = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// What the kernel has skipped so far, in all processes of the machine, and how often backups ran.
#[derive(Clone, Debug, Default)]
pub struct Skips {
    /// Skips of each program, by its name.
    skipped: BTreeMap<String, u64>,
    /// Runs of each backup, by the name of its primary program.
    backup_runs: BTreeMap<&'static str, u64>,
}

impl Skips {
    /// What the kernel skipped until now. An event that is only half handled at this moment would be missing at
    /// the end, so this waits for a moment without one; but what the kernel skipped between attaching a
    /// primary and its backup stays unmatched, and is not a loss.
    pub fn until_now(ebpf: &Ebpf) -> Result<Self> {
        Ok(Skips::default().settled(ebpf)?.0)
    }

    /// What was missed since this reading, in any process of the machine.
    pub fn misses_since(&self, ebpf: &Ebpf) -> Result<Misses> {
        Ok(self.settled(ebpf)?.1)
    }

    /// Reads until every skip since this reading is matched, or [`READINGS`] times.
    fn settled(&self, ebpf: &Ebpf) -> Result<(Skips, Misses)> {
        let mut readings = 1;
        loop {
            let reading = Skips {
                skipped: skipped(ebpf),
                backup_runs: backup_runs(ebpf)?,
            };
            let misses = reading.unmatched_since(self);
            if readings == READINGS || misses.values().all(|missed| *missed == 0) {
                return Ok((reading, misses));
            }
            readings += 1;
            thread::sleep(PAUSE);
        }
    }

    /// The skips since an earlier reading that no backup run matches.
    ///
    /// Normally the kernel skipped a primary program as often as its backup ran. If it skipped both at
    /// one event, the backup ran less often; if the backup ran although the primary had handled the
    /// event, it ran more often. Either way the counts are wrong. Skips of the backup alone do no harm.
    fn unmatched_since(&self, before: &Skips) -> Misses {
        let until = |name: &String| before.skipped.get(name).copied().unwrap_or(0);
        let mut misses: Misses = self
            .skipped
            .iter()
            .map(|(name, now)| (name.clone(), now.saturating_sub(until(name))))
            .collect();
        for program in PROGRAMS {
            if program.when_skipped == WhenSkipped::Nothing {
                misses.remove(program.name);
            }
            let Some(backup) = program.backup else {
                continue;
            };
            let runs = |skips: &Skips| skips.backup_runs.get(program.name).copied().unwrap_or(0);
            let runs = runs(self).saturating_sub(runs(before));
            if misses.remove(backup).is_some()
                && let Some(primary) = misses.get_mut(program.name)
            {
                *primary = primary.abs_diff(runs);
            }
        }
        misses
    }
}

/// The fdinfo of a program's descriptor tells how often the kernel skipped the program.
fn skipped(ebpf: &Ebpf) -> BTreeMap<String, u64> {
    ebpf.programs()
        .filter_map(|(name, program)| {
            let number = program.fd().ok()?.as_fd().as_raw_fd();
            let text = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).ok()?;
            Some((name.to_owned(), skipped_in(&text)?))
        })
        .collect()
}

/// The line `recursion_misses:` of `bpf_prog_show_fdinfo` (kernel/bpf/syscall.c).
fn skipped_in(text: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix("recursion_misses:"))
        .and_then(|number| number.trim().parse().ok())
}

fn backup_runs(ebpf: &Ebpf) -> Result<BTreeMap<&'static str, u64>> {
    let map = ebpf
        .map("BACKUP_RUNS")
        .context("the object has no map BACKUP_RUNS")?;
    let runs: HashMap<_, u64, u64> = HashMap::try_from(map).context("map BACKUP_RUNS")?;
    PROGRAMS
        .iter()
        .filter(|program| program.backup.is_some())
        .map(|program| {
            let runs = runs.get(&key_of(program.name), 0);
            Ok((program.name, runs.context("read BACKUP_RUNS")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skips(primary: u64, backup: u64, runs: u64) -> Skips {
        let names = [("fault_user", primary), ("fault_user_backup", backup)];
        Skips {
            skipped: names.map(|(name, n)| (name.to_owned(), n)).into(),
            backup_runs: [("fault_user", runs)].into(),
        }
    }

    #[test]
    fn events_that_the_backup_handled_are_not_missed() {
        let missed = |primary: u64, backup: u64, runs: u64| {
            let misses = skips(primary, backup, runs).unmatched_since(&skips(0, 0, 0));
            assert_eq!(misses.len(), 1);
            misses["fault_user"]
        };
        assert_eq!(missed(0, 0, 0), 0);
        assert_eq!(missed(0, 5, 0), 0);
        assert_eq!(missed(7, 5, 7), 0);
        assert_eq!(missed(7, 5, 6), 1);
        assert_eq!(missed(7, 5, 8), 1);
    }

    #[test]
    fn skips_before_all_programs_are_attached_are_not_missed() {
        let misses = skips(9, 0, 7).unmatched_since(&skips(3, 0, 1));
        assert_eq!(misses["fault_user"], 0);
    }

    #[test]
    fn without_a_backup_every_skip_is_missed() {
        let mut alone = skips(7, 0, 0);
        alone.skipped.remove("fault_user_backup");
        assert_eq!(alone.unmatched_since(&Skips::default())["fault_user"], 7);
    }

    #[test]
    fn a_skip_without_consequences_is_not_missed() {
        let skips = Skips {
            skipped: [("tlb_flushed".to_owned(), 7)].into(),
            ..Skips::default()
        };
        assert!(skips.unmatched_since(&Skips::default()).is_empty());
    }

    #[test]
    fn recursion_misses_are_read_from_fdinfo() {
        let text = "pos:\t0\nprog_type:\t26\nrecursion_misses:\t7\nverified_insns:\t9\n";
        assert_eq!(skipped_in(text), Some(7));
        assert_eq!(skipped_in("pos:\t0\n"), None);
    }
}
