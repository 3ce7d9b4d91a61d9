//! Examines every metric: the probe that counts it, and why others do not.
//!
//! It traces a program that does nothing, calibration included, because only attaching and counting show what
//! works.

use std::time::Duration;

use anyhow::Result;
use mmap_trace_ebpf::offsets::Injected;

use super::{calibration, disk::other_work_dir, host::Host, kernel::ANOTHER_KERNEL};
use crate::diagnosis::{CountingDiagnosis, Level, MetricDiagnosis, RejectedProbe, Section, Trial};
use crate::{
    count::{
        attach::{
            choose::{Forced, choose},
            load::{Chosen, KernelLog},
        },
        calibration::judge::{self, grade},
        kernel::{
            btf::Btf,
            disk::Disk,
            facts::{self, Facts},
        },
        session::{
            child::{Image, Launch, Stdout},
            fence::Fence,
        },
        trace::{self, Job, Sampling, Traced, c_string, open_directory},
    },
    metrics::Metric,
};

/// Calibration takes milliseconds; in a VM without KVM, seconds.
const LIMIT: Duration = Duration::from_mins(1);

/// Tries to count on this machine. Nothing stays attached.
pub(super) fn attempt(host: &Host) -> (CountingDiagnosis, Section) {
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
            let on_ext4 = facts.as_ref().map(gained_on_ext4).unwrap_or_default();
            let counted = |chosen: &Chosen| {
                let mend = if on_ext4.contains(&chosen.plan.metric) {
                    other_work_dir(host)
                } else {
                    ANOTHER_KERNEL.to_owned()
                };
                counted(
                    chosen,
                    traced.calibration.findings.get(&chosen.plan.metric),
                    mend,
                )
            };
            CountingDiagnosis {
                trial: Trial::Attached,
                metrics: traced.chosen.iter().map(counted).collect(),
                facts: facts.and_then(|facts| serde_json::to_value(facts).ok()),
            }
        }
        Err(error) => not_attached(&format!("{error:#}"), facts),
    };
    (counting, section)
}

/// Traces `true`, like `mmap-trace exec -- true`.
fn trace_nothing(host: &Host, disk: Disk) -> Result<Traced> {
    trace::trace(&Job {
        launch: Launch {
            image: Image::Command(vec![c_string("/bin/true")?, c_string("/usr/bin/true")?]),
            arguments: vec![c_string("true")?],
            environment: Vec::new(),
            directory: None,
            identity: None,
            stdout: Stdout::ToStderr,
            fence: Fence::Open,
            limits: Vec::new(),
        },
        shown: "true".to_owned(),
        disk,
        directory: open_directory(host.work_dir())?,
        forced: Forced::new(),
        sampling: Sampling::Off,
        injected: Injected::Nothing,
        log: KernelLog::Off,
        limit: Some(LIMIT),
        descendants: trace::Descendants::Left,
        settle: None,
    })
}

/// Metrics for which this kernel has more probes if the work directory is on an ext4 disk.
fn gained_on_ext4(facts: &Facts) -> Vec<Metric> {
    let probes = |facts: &Facts| choose(facts, &Forced::new());
    let mut on_ext4 = facts.clone();
    "ext4".clone_into(&mut on_ext4.disk.file_system);
    on_ext4.disk.device.get_or_insert(1);
    probes(facts)
        .iter()
        .zip(probes(&on_ext4))
        .filter(|(here, there)| there.candidates.len() > here.candidates.len())
        .map(|(here, _)| here.plan.metric)
        .collect()
}

fn counted(
    chosen: &Chosen,
    finding: Option<&judge::MetricCalibration>,
    mend: String,
) -> MetricDiagnosis {
    let order: Vec<&str> = chosen.plan.probes.iter().map(|probe| probe.name).collect();
    let position = |name| order.iter().position(|known| *known == name);
    let refuted = finding.and_then(|finding| finding.refuted.clone());
    let counts = chosen.probe.filter(|_| refuted.is_none());
    // Probes after the chosen one were not needed.
    let before = chosen
        .rejected
        .iter()
        .filter(|(name, _)| {
            chosen
                .probe
                .is_none_or(|probe| position(*name) < position(probe.name))
        })
        .cloned()
        .chain(chosen.probe.map(|probe| probe.name).zip(refuted));
    let before: Vec<_> = before.collect();
    MetricDiagnosis {
        metric: chosen.plan.metric.key(),
        level: match counts {
            None => Level::Warning,
            Some(_) if before.is_empty() => Level::Ok,
            Some(_) => Level::Note,
        },
        probe: counts.map(|probe| probe.name),
        grade: counts.map(|probe| grade(probe, finding)),
        is_calibrated: finding
            .is_some_and(|it| it.refuted.is_none() && !it.calibrated_by.is_empty()),
        rejected: rejected(&before),
        mend: counts.is_none().then_some(mend),
    }
}

fn not_attached(reason: &str, facts: Option<Facts>) -> CountingDiagnosis {
    let chosen = choose(&facts.clone().unwrap_or_default(), &Forced::new());
    let metrics = chosen.iter().map(|choice| {
        let first = choice.candidates.first();
        MetricDiagnosis {
            metric: choice.plan.metric.key(),
            level: Level::Note,
            probe: first.map(|probe| probe.name),
            grade: first.map(|probe| probe.grade),
            is_calibrated: false,
            rejected: match first {
                Some(_) => Vec::new(),
                None => rejected(&choice.rejected),
            },
            mend: None,
        }
    });
    CountingDiagnosis {
        trial: Trial::Refused(reason.to_owned()),
        metrics: metrics.collect(),
        facts: facts.and_then(|facts| serde_json::to_value(facts).ok()),
    }
}

fn rejected(probes: &[(&'static str, String)]) -> Vec<RejectedProbe> {
    probes
        .iter()
        .map(|(probe, reason)| RejectedProbe {
            probe,
            reason: reason.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(file_system: &str, device: Option<u32>) -> Facts {
        let text = include_str!("../../../tests/fixtures/kernels/6.12.json");
        let mut facts: Facts = serde_json::from_str(text).unwrap();
        facts.disk.file_system = file_system.to_owned();
        facts.disk.device = device;
        facts
    }

    #[test]
    fn another_disk_is_suggested_only_if_it_adds_a_probe() {
        assert_eq!(gained_on_ext4(&facts("ext4", Some(1))), []);
        let missing = gained_on_ext4(&facts("tmpfs", None));
        assert!(missing.contains(&Metric::BlockRead) && missing.contains(&Metric::PagesWritten));
        assert!(!missing.contains(&Metric::FaultsWaited) && !missing.contains(&Metric::Syscalls));
    }
}
