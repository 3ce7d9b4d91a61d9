//! Programs that the kernel skipped, and what their second programs made up for
//! (`mmap_trace_ebpf::turns`).

use std::{
    collections::BTreeMap,
    fs,
    os::fd::{AsFd as _, AsRawFd as _},
};

use anyhow::{Context as _, Result};
use aya::{Ebpf, maps::Array};

use super::attach::programs::PROGRAMS;

/// How often the kernel skipped each program because it was running already on that CPU, and no second
/// one acted in its place.
pub type Misses = BTreeMap<String, u64>;

/// Readings of what was skipped and what was made up for, which cannot be one: something may be skipped
/// between them.
const READINGS: usize = 3;

/// What the kernel has skipped so far, of all processes of the machine, and what was made up for.
#[derive(Clone, Debug, Default)]
pub struct Skips {
    /// By the name of the program.
    skipped: BTreeMap<String, u64>,
    /// By `turns::Place`.
    second_turns: Vec<u64>,
}

impl Skips {
    /// Until now. What was skipped while not all programs were attached is nobody's loss.
    pub fn now(ebpf: &Ebpf) -> Result<Self> {
        Ok(Skips {
            skipped: skipped(ebpf),
            second_turns: second_turns(ebpf)?,
        })
    }

    /// What was missed since this reading. It may have been another process's.
    pub fn misses_since(&self, ebpf: &Ebpf) -> Result<Misses> {
        for _ in 1..READINGS {
            let misses = Skips::now(ebpf)?.unmatched_since(self);
            if misses.values().all(|missed| *missed == 0) {
                return Ok(misses);
            }
        }
        Ok(Skips::now(ebpf)?.unmatched_since(self))
    }

    /// What was skipped without being made up for.
    ///
    /// The first was skipped as often as the second acted. If both were skipped at one event the second
    /// acted less often; if it acted though the first had, more often: both are wrong. That the second is
    /// skipped where the first acts is no loss.
    fn unmatched_since(&self, before: &Skips) -> Misses {
        let until = |name: &String| before.skipped.get(name).copied().unwrap_or(0);
        let mut misses: Misses = self
            .skipped
            .iter()
            .map(|(name, now)| (name.clone(), now.saturating_sub(until(name))))
            .collect();
        for program in PROGRAMS {
            let Some(second) = program.second else {
                continue;
            };
            let turns = |skips: &Skips| skips.second_turns.get(second.place as usize).copied();
            let acted = turns(self)
                .unwrap_or(0)
                .saturating_sub(turns(before).unwrap_or(0));
            if misses.remove(second.name).is_some()
                && let Some(first) = misses.get_mut(program.name)
            {
                *first = first.abs_diff(acted);
            }
        }
        misses
    }
}

/// The kernel tells it where a program's descriptor is described (fdinfo).
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

fn second_turns(ebpf: &Ebpf) -> Result<Vec<u64>> {
    let map = ebpf
        .map("SECOND_TURNS")
        .context("the object has no map SECOND_TURNS")?;
    let turns: Array<_, u64> = Array::try_from(map).context("map SECOND_TURNS")?;
    turns
        .iter()
        .collect::<Result<_, _>>()
        .context("read SECOND_TURNS")
}

#[cfg(test)]
mod tests {
    use mmap_trace_ebpf::turns::Place;

    use super::*;

    fn skips(first: u64, second: u64, acted: u64) -> Skips {
        let names = [("fault_user", first), ("fault_user_second", second)];
        let mut second_turns = vec![0; Place::ALL.len()];
        second_turns[Place::FaultUser as usize] = acted;
        Skips {
            skipped: names.map(|(name, n)| (name.to_owned(), n)).into(),
            second_turns,
        }
    }

    #[test]
    fn what_the_second_program_made_up_for_is_not_missed() {
        let missed = |first: u64, second: u64, acted: u64| {
            let misses = skips(first, second, acted).unmatched_since(&skips(0, 0, 0));
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
    fn what_was_skipped_before_all_programs_were_attached_is_not_missed() {
        let misses = skips(9, 0, 7).unmatched_since(&skips(3, 0, 1));
        assert_eq!(misses["fault_user"], 0);
    }

    #[test]
    fn without_a_second_program_every_miss_counts() {
        let mut alone = skips(7, 0, 0);
        alone.skipped.remove("fault_user_second");
        assert_eq!(alone.unmatched_since(&Skips::default())["fault_user"], 7);
    }

    #[test]
    fn the_kernel_tells_misses_in_a_line_of_their_own() {
        let text = "pos:\t0\nprog_type:\t26\nrecursion_misses:\t7\nverified_insns:\t9\n";
        assert_eq!(skipped_in(text), Some(7));
        assert_eq!(skipped_in("pos:\t0\n"), None);
    }
}
