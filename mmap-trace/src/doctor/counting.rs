//! Every signal: the way that counts it, and why the others do not. A program that does nothing is traced
//! for that, calibration included, because only attaching and counting tell the truth.

use std::time::Duration;

use anyhow::Result;
use mmap_trace_ebpf::offsets::Injected;
use serde::Serialize;

use super::{
    calibration,
    disk::other_place,
    finding::{Level, Section},
    host::Host,
    kernel::ANOTHER_KERNEL,
};
use crate::{
    attach::{
        choose::{Forced, choose},
        load::{KernelLog, Won},
    },
    evidence::judge::{self, grade},
    kernel::{
        btf::Btf,
        disk::Disk,
        facts::{self, Facts},
    },
    session::{
        child::{Image, Plan, Stdout},
        trace::{self, Job, Sampling, Traced, c_string, open_directory},
    },
    signals::{Grade, Signal},
};

/// Calibration takes milliseconds; in a box without KVM, seconds.
const LIMIT: Duration = Duration::from_mins(1);

/// How far counting was tried.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trial {
    /// Programs were loaded and attached.
    Attached,
    /// Nothing could be, for this reason; ways are those that the kernel's facts leave.
    Refused(String),
}

/// One signal.
#[derive(Clone, Debug, Serialize)]
pub struct Counted {
    /// Its key.
    pub signal: &'static str,
    /// How much it matters.
    pub level: Level,
    /// The way that counts it, or would be tried first.
    pub way: Option<&'static str>,
    /// What its numbers are worth.
    pub grade: Option<Grade>,
    /// Whether the calibration counted something by it, and counted it right.
    pub is_verified: bool,
    /// Why ways before it, or all, do not count it.
    pub refused: Vec<Refused>,
    /// Where it can be counted, if not here.
    pub mend: Option<String>,
}

/// A way that does not count a signal here.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// The way.
    pub way: &'static str,
    /// The kernel's answer, or what is missing.
    pub reason: String,
}

/// What can be counted.
#[derive(Clone, Debug, Serialize)]
pub struct Counting {
    /// Whether programs were attached.
    pub trial: Trial,
    /// Every signal, in the order of the plan.
    pub signals: Vec<Counted>,
    /// What decides between ways: with it this kernel can be tried in a test.
    pub facts: Option<Facts>,
}

/// Tries to count on this machine. Nothing stays attached.
pub(super) fn attempt(host: &Host) -> (Counting, Section) {
    let disk = Disk::of(host.work_dir()).unwrap_or_default();
    let facts = Btf::of_this_kernel()
        .ok()
        .map(|btf| facts::gather(&btf, disk.clone()));
    let traced = trace_nothing(host, disk);
    let section = Section {
        subject: "Calibration",
        findings: match &traced {
            Ok(traced) => calibration::findings(traced),
            Err(_) => Vec::new(),
        },
    };
    let counting = match traced {
        Ok(traced) => {
            let elsewhere = facts.as_ref().map(counted_on_ext4).unwrap_or_default();
            let counted = |won: &Won| {
                let mend = if elsewhere.contains(&won.plan.signal) {
                    other_place(host)
                } else {
                    ANOTHER_KERNEL.to_owned()
                };
                counted(won, traced.evidence.findings.get(&won.plan.signal), mend)
            };
            Counting {
                trial: Trial::Attached,
                signals: traced.won.iter().map(counted).collect(),
                facts,
            }
        }
        Err(error) => untried(&format!("{error:#}"), facts),
    };
    (counting, section)
}

/// As `exec -- true` does it.
fn trace_nothing(host: &Host, disk: Disk) -> Result<Traced> {
    trace::trace(&Job {
        plan: Plan {
            image: Image::Command(vec![c_string("/bin/true")?, c_string("/usr/bin/true")?]),
            arguments: vec![c_string("true")?],
            environment: Vec::new(),
            directory: None,
            identity: None,
            stdout: Stdout::ToStderr,
        },
        shown: "true".to_owned(),
        disk,
        directory: open_directory(host.work_dir())?,
        forced: Forced::new(),
        sampling: Sampling::Off,
        injected: Injected::Nothing,
        log: KernelLog::Off,
        limit: Some(LIMIT),
        settle: None,
    })
}

/// Signals for which this kernel has more ways where the work directory lies on a disk with ext4.
fn counted_on_ext4(facts: &Facts) -> Vec<Signal> {
    let ways = |facts: &Facts| choose(facts, &Forced::new());
    let mut on_ext4 = facts.clone();
    "ext4".clone_into(&mut on_ext4.disk.file_system);
    on_ext4.disk.device.get_or_insert(1);
    ways(facts)
        .iter()
        .zip(ways(&on_ext4))
        .filter(|(here, there)| there.candidates.len() > here.candidates.len())
        .map(|(here, _)| here.plan.signal)
        .collect()
}

fn counted(won: &Won, finding: Option<&judge::Finding>, mend: String) -> Counted {
    let order: Vec<&str> = won.plan.ways.iter().map(|way| way.name).collect();
    let place = |name| order.iter().position(|known| *known == name);
    let refuted = finding.and_then(|finding| finding.refuted.clone());
    let counts = won.way.filter(|_| refuted.is_none());
    // A way behind the one that won was not needed.
    let before = won
        .refused
        .iter()
        .filter(|(name, _)| won.way.is_none_or(|way| place(*name) < place(way.name)))
        .cloned()
        .chain(won.way.map(|way| way.name).zip(refuted));
    let before: Vec<_> = before.collect();
    Counted {
        signal: won.plan.signal.key(),
        level: match counts {
            None => Level::Warning,
            Some(_) if before.is_empty() => Level::Ok,
            Some(_) => Level::Note,
        },
        way: counts.map(|way| way.name),
        grade: counts.map(|way| grade(way, finding)),
        is_verified: finding.is_some_and(|it| it.refuted.is_none() && !it.verified_by.is_empty()),
        refused: refused(&before),
        mend: counts.is_none().then_some(mend),
    }
}

fn untried(reason: &str, facts: Option<Facts>) -> Counting {
    let chosen = choose(&facts.clone().unwrap_or_default(), &Forced::new());
    let signals = chosen.iter().map(|choice| {
        let first = choice.candidates.first();
        Counted {
            signal: choice.plan.signal.key(),
            level: Level::Note,
            way: first.map(|way| way.name),
            grade: first.map(|way| way.grade),
            is_verified: false,
            refused: match first {
                Some(_) => Vec::new(),
                None => refused(&choice.refused),
            },
            mend: None,
        }
    });
    Counting {
        trial: Trial::Refused(reason.to_owned()),
        signals: signals.collect(),
        facts,
    }
}

fn refused(ways: &[(&'static str, String)]) -> Vec<Refused> {
    ways.iter()
        .map(|(way, reason)| Refused {
            way,
            reason: reason.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(file_system: &str, device: Option<u32>) -> Facts {
        let text = include_str!("../../tests/fixtures/kernels/6.12.json");
        let mut facts: Facts = serde_json::from_str(text).unwrap();
        facts.disk.file_system = file_system.to_owned();
        facts.disk.device = device;
        facts
    }

    #[test]
    fn another_disk_is_offered_only_where_it_brings_a_way() {
        assert_eq!(counted_on_ext4(&facts("ext4", Some(1))), []);
        let missing = counted_on_ext4(&facts("tmpfs", None));
        assert!(missing.contains(&Signal::BlockRead) && missing.contains(&Signal::PagesWritten));
        assert!(!missing.contains(&Signal::FaultsWaited) && !missing.contains(&Signal::Syscalls));
    }
}
