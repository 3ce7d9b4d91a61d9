//! Which probes this kernel allows for each metric, and why it rules out the others. It does no I/O.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use mmap_trace_ebpf::offsets::{ABSENT, Offset, PATHS};

use super::{
    plan::{MetricPlan, Need, PLAN, Probe},
    programs::{BASE_OFFSETS, Hook, Program},
};
use crate::{
    count::kernel::{facts::Facts, symbols::CopyCode},
    metrics::Metric,
};

/// Probes that the user asked for, by metric.
pub type Forced = BTreeMap<Metric, String>;

/// The probes of one metric that this kernel does not rule out.
#[derive(Debug)]
pub struct ProbeChoice {
    pub plan: &'static MetricPlan,
    /// Probes to try, in order.
    pub candidates: Vec<&'static Probe>,
    /// Names of the probes that are ruled out, with the reason.
    pub rejected: Vec<(&'static str, String)>,
}

/// Lists the candidates of every metric: several, because only attaching a probe shows that it works.
#[must_use]
pub fn choose(facts: &Facts, forced: &Forced) -> Vec<ProbeChoice> {
    PLAN.iter()
        .filter(|plan| is_asked_for(plan.metric, facts))
        .map(|plan| {
            let mut choice = ProbeChoice {
                plan,
                candidates: Vec::new(),
                rejected: Vec::new(),
            };
            for probe in plan.probes {
                let wanted = forced
                    .get(&plan.metric)
                    .is_none_or(|name| name == probe.name);
                let rejection = if wanted {
                    rejection(probe, facts)
                } else {
                    Some("--force-probe names another probe".to_owned())
                };
                match rejection {
                    None => choice.candidates.push(probe),
                    Some(reason) => choice.rejected.push((probe.name, reason)),
                }
            }
            choice
        })
        .collect()
}

/// Sampling costs ten thousand interrupts a second, which perturb other measurements, so it is off unless a
/// run asks for it.
fn is_asked_for(metric: Metric, facts: &Facts) -> bool {
    metric != Metric::CpuSamples || facts.copy_code != CopyCode::NotAsked
}

/// Parses `metric=probe` pairs of `--force-probe`; a subject (`copies`) stands for its metrics.
pub fn parse_forced(pairs: &[String]) -> Result<Forced> {
    let mut forced = Forced::new();
    for pair in pairs {
        let Some((subject, probe)) = pair.split_once('=') else {
            bail!("--force-probe {pair}: write it as metric=probe, for example copies=fexit");
        };
        let metrics: Vec<Metric> = match subject {
            "copies" => vec![Metric::CopiedToUser, Metric::CopiedFromUser],
            _ => Metric::by_key(subject).into_iter().collect(),
        };
        if metrics.is_empty() {
            let known: Vec<_> = Metric::ALL.iter().map(|metric| metric.key()).collect();
            bail!(
                "--force-probe {pair}: there is no metric {subject}; known are copies, {}",
                known.join(", ")
            );
        }
        for metric in metrics {
            let probes = probes_of(metric);
            if !probes.contains(&probe) {
                bail!(
                    "--force-probe {pair}: {} has no probe {probe}; it has {}",
                    metric.key(),
                    probes.join(", ")
                );
            }
            forced.insert(metric, probe.to_owned());
        }
    }
    Ok(forced)
}

fn probes_of(metric: Metric) -> Vec<&'static str> {
    PLAN.iter()
        .filter(|plan| plan.metric == metric)
        .flat_map(|plan| plan.probes)
        .map(|probe| probe.name)
        .collect()
}

fn rejection(probe: &Probe, facts: &Facts) -> Option<String> {
    probe
        .needs
        .iter()
        .find_map(|need| unmet(*need, facts))
        .or_else(|| {
            probe
                .programs
                .iter()
                .find_map(|program| missing(program, facts))
        })
}

fn unmet(need: Need, facts: &Facts) -> Option<String> {
    match need {
        Need::FileSystem(wanted) => (facts.disk.file_system != wanted.name()).then(|| {
            format!(
                "the work directory is on {}, not on {}",
                facts.disk.file_system,
                wanted.name()
            )
        }),
        Need::Symbols => match &facts.copy_code {
            CopyCode::Known(_) => None,
            CopyCode::Hidden(reason) => Some(reason.clone()),
            CopyCode::NotAsked => Some("this run does not sample".to_owned()),
        },
        Need::BlockDevice => facts
            .disk
            .device
            .is_none()
            .then(|| format!("{} is not on a single block device", facts.disk.file_system)),
    }
}

/// Why a program cannot work on this kernel; `None` if nothing rules it out.
#[must_use]
pub fn missing(program: &Program, facts: &Facts) -> Option<String> {
    if is_needless(program, facts) {
        return None;
    }
    let hook = match program.hook {
        Hook::Tracepoint(name) => (!facts.tracepoints.contains(name))
            .then(|| format!("this kernel image has no tracepoint {name}")),
        Hook::Entry(names) | Hook::Return(names) => names
            .iter()
            .all(|name| !facts.functions.contains(*name))
            .then(|| format!("this kernel has no function {}", names.join(" or "))),
        Hook::ModuleTracepoint(_, module) => {
            (!facts.modules.contains(module)).then(|| format!("no module {module} is loaded"))
        }
        // Only attaching shows whether these exist.
        Hook::SoftwareEvent(_) | Hook::CpuClock | Hook::PageTables => None,
    };
    hook.or_else(|| {
        let absent = |offset: &&Offset| facts.offset(**offset as usize) == ABSENT;
        BASE_OFFSETS
            .iter()
            .chain(program.needs)
            .find(absent)
            .map(|offset| {
                format!(
                    "this kernel's BTF has no {}",
                    PATHS[*offset as usize].join(" or ")
                )
            })
    })
}

/// Whether this kernel lacks the mechanism that the program is about.
#[must_use]
pub fn is_needless(program: &Program, facts: &Facts) -> bool {
    program
        .only_with
        .is_some_and(|mechanism| facts.offset(mechanism as usize) == ABSENT)
}

#[cfg(test)]
mod tests {
    use mmap_trace_ebpf::offsets::OFFSETS;

    use super::*;
    use crate::count::attach::programs::PROGRAMS;

    /// A kernel that has everything, with the work directory on ext4.
    fn rich() -> Facts {
        let mut facts = Facts {
            offsets: vec![0; OFFSETS],
            copy_code: CopyCode::Known(vec![[1, 2]]),
            ..Facts::default()
        };
        facts.disk.file_system = "ext4".to_owned();
        facts.disk.device = Some(1);
        for program in PROGRAMS {
            match program.hook {
                Hook::Tracepoint(name) => drop(facts.tracepoints.insert(name.to_owned())),
                Hook::Entry(names) | Hook::Return(names) => {
                    facts
                        .functions
                        .extend(names.iter().map(|name| (*name).to_owned()));
                }
                Hook::ModuleTracepoint(_, module) => drop(facts.modules.insert(module.to_owned())),
                Hook::SoftwareEvent(_) | Hook::CpuClock | Hook::PageTables => {}
            }
        }
        facts
    }

    fn choice(facts: &Facts, metric: Metric) -> ProbeChoice {
        let choices = choose(facts, &Forced::new());
        choices
            .into_iter()
            .find(|choice| choice.plan.metric == metric)
            .unwrap()
    }

    fn names(choice: &ProbeChoice) -> Vec<&str> {
        choice.candidates.iter().map(|probe| probe.name).collect()
    }

    #[test]
    fn a_kernel_with_everything_keeps_every_probe_in_the_order_of_the_plan() {
        for choice in choose(&rich(), &Forced::new()) {
            let (here, elsewhere): (Vec<_>, Vec<_>) =
                choice.plan.probes.iter().partition(|probe| {
                    probe
                        .needs
                        .iter()
                        .all(|need| unmet(*need, &rich()).is_none())
                });
            assert_eq!(
                names(&choice),
                here.iter().map(|probe| probe.name).collect::<Vec<_>>()
            );
            assert_eq!(choice.rejected.len(), elsewhere.len());
            assert!(!here.is_empty());
        }
    }

    #[test]
    fn a_program_is_missing_only_where_its_mechanism_exists() {
        let mut facts = rich();
        facts.tracepoints.remove("iomap_dio_complete");
        assert_eq!(
            choice(&facts, Metric::DirectRead).rejected[0].1,
            "this kernel image has no tracepoint iomap_dio_complete"
        );
        facts.offsets[Offset::SimpleDirectRead as usize] = ABSENT;
        assert_eq!(names(&choice(&facts, Metric::DirectRead)), ["sys_exit"]);
    }

    #[test]
    fn another_file_system_leaves_its_own_probe_and_the_one_that_works_on_any() {
        let mut facts = rich();
        facts.disk.file_system = "f2fs".to_owned();
        assert_eq!(
            names(&choice(&facts, Metric::PagesWritten)),
            ["folio_start_writeback"]
        );
        facts.disk.file_system = "xfs".to_owned();
        let choice = choice(&facts, Metric::PagesWritten);
        assert_eq!(
            names(&choice),
            ["folio_start_writeback", "iomap_writeback_folio"]
        );
        assert_eq!(
            choice.rejected[0],
            (
                "ext4_writepages_result",
                "the work directory is on xfs, not on ext4".to_owned()
            )
        );
    }

    #[test]
    fn a_missing_tracepoint_or_field_is_named() {
        let mut facts = rich();
        facts.tracepoints.remove("mm_filemap_map_pages");
        facts.offsets[Offset::FileFlags as usize] = ABSENT;
        let around = choice(&facts, Metric::PagesMappedAround);
        assert_eq!(
            around.rejected[0].1,
            "this kernel image has no tracepoint mm_filemap_map_pages"
        );
        let direct = choice(&facts, Metric::DirectRead);
        assert_eq!(
            direct.rejected[0].1,
            "this kernel's BTF has no file.f_flags"
        );
        assert!(direct.candidates.is_empty());
    }

    #[test]
    fn samples_need_a_run_that_asks_for_them_and_readable_symbols() {
        let samples = |copy_code| {
            let facts = Facts {
                copy_code,
                ..rich()
            };
            choose(&facts, &Forced::new())
                .into_iter()
                .find(|choice| choice.plan.metric == Metric::CpuSamples)
        };
        assert!(samples(CopyCode::NotAsked).is_none());
        assert_eq!(
            names(&samples(CopyCode::Known(vec![])).unwrap()),
            ["symbols"]
        );
        let hidden = samples(CopyCode::Hidden("kptr_restrict".to_owned())).unwrap();
        assert!(hidden.candidates.is_empty());
        assert_eq!(hidden.rejected, [("symbols", "kptr_restrict".to_owned())]);
    }

    #[test]
    fn a_forced_probe_is_the_only_candidate_and_unknown_probes_are_errors() {
        let forced = parse_forced(&["copies=fexit".to_owned()]).unwrap();
        let choices = choose(&rich(), &forced);
        let copies = choices
            .iter()
            .find(|c| c.plan.metric == Metric::CopiedToUser)
            .unwrap();
        assert_eq!(names(copies), ["fexit"]);
        for wrong in ["copies", "copies=kprobe", "nothing=fexit"] {
            assert!(parse_forced(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
