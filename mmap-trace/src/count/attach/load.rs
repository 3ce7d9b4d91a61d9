//! Loads the object and attaches, for each metric, the first probe that the kernel accepts.

use anyhow::{Context as _, Result, anyhow};
use aya::{EbpfLoader, Endianness};
use mmap_trace_ebpf::offsets::PARAMETERS;

use super::{
    choose::ProbeChoice,
    loader::Loader,
    plan::{MetricPlan, Probe},
    programs::{BASE, Hook, PROGRAMS},
};
use crate::count::kernel::{btf::Btf, calls, facts::Facts};

/// The eBPF object, built from `mmap-trace-ebpf`.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/mmap-trace-ebpf"));

/// Size of the eBPF object, in bytes.
#[must_use]
pub fn object_bytes() -> usize {
    OBJECT.len()
}

/// The loaded object and the probe that counts each metric. Dropping it detaches and frees everything.
pub struct Attached {
    pub loader: Loader,
    /// One entry per metric, in the order of the plan.
    pub metrics: Vec<Chosen>,
}

/// The probe chosen for one metric, if any works.
pub struct Chosen {
    pub plan: &'static MetricPlan,
    /// `None` if no probe works.
    pub probe: Option<&'static Probe>,
    /// Names of the probes that were tried or ruled out before, with the reason.
    pub rejected: Vec<(&'static str, String)>,
}

impl Chosen {
    /// Why nothing counts this metric.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        if self.probe.is_some() {
            return None;
        }
        let rejected = self.rejections().unwrap_or_default();
        Some(match self.plan.otherwise {
            "" => rejected,
            otherwise => format!("{otherwise}, and {rejected}"),
        })
    }

    /// Each rejected probe with its reason; `None` if the first one works.
    #[must_use]
    pub fn rejections(&self) -> Option<String> {
        let rejected: Vec<_> = self
            .rejected
            .iter()
            .map(|(probe, reason)| format!("{probe}: {reason}"))
            .collect();
        (!rejected.is_empty()).then(|| rejected.join("; "))
    }
}

/// Whether the kernel programs log what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelLog {
    /// The verifier removes the log calls as dead code.
    Off,
    /// Every message goes to the log ring.
    On,
}

impl KernelLog {
    #[must_use]
    pub fn wanted(is_wanted: bool) -> Self {
        if is_wanted {
            KernelLog::On
        } else {
            KernelLog::Off
        }
    }
}

/// Loads and attaches. `parameters` are those of `mmap_trace_ebpf::offsets::Parameter`.
pub fn load(
    btf: &Btf,
    facts: Facts,
    choices: Vec<ProbeChoice>,
    parameters: [u32; PARAMETERS],
    log: KernelLog,
) -> Result<Attached> {
    let calls = calls::table();
    let copy_code = facts.copy_code.table();
    let level: u8 = match log {
        KernelLog::Off => 0,
        KernelLog::On => aya_log_level_debug(),
    };
    let ebpf = EbpfLoader::new()
        .override_global("FIELD_OFFSETS", facts.offsets.as_slice(), true)
        .override_global("RUN_PARAMETERS", parameters.as_slice(), true)
        .override_global("COPY_CODE", copy_code.as_slice(), true)
        .override_global("CALLS", calls.as_slice(), true)
        .override_global(aya_log::LEVEL, &level, false)
        .load(OBJECT)
        .context("the kernel rejects the maps of the eBPF object")?;
    let targets = targets(btf).context("cannot outline the kernel's BTF for aya")?;
    let mut loader = Loader::new(ebpf, targets, facts);
    for program in BASE {
        loader
            .attach(program)
            .map_err(|reason| anyhow!("{reason}"))
            .with_context(|| {
                format!(
                    "cannot attach program {}, without which nothing can be counted",
                    program.name
                )
            })?;
    }
    let metrics = choices
        .into_iter()
        .map(|choice| first_that_works(&mut loader, choice))
        .collect();
    Ok(Attached { loader, metrics })
}

/// The part of BTF in which aya looks up the type id of each program's target.
fn targets(btf: &Btf) -> Result<aya::Btf, aya::BtfError> {
    let (mut functions, mut tracepoints) = (Vec::new(), Vec::new());
    for program in PROGRAMS {
        match program.hook {
            Hook::Entry(names) | Hook::Return(names) => functions.extend(names),
            Hook::Tracepoint(name) => tracepoints.push(name),
            Hook::ModuleTracepoint(..) | Hook::SoftwareEvent(_) | Hook::CpuClock => {}
        }
    }
    aya::Btf::parse(
        &btf.outline(&functions, &tracepoints),
        Endianness::default(),
    )
}

fn first_that_works(loader: &mut Loader, choice: ProbeChoice) -> Chosen {
    let mut rejected = choice.rejected;
    for probe in choice.candidates {
        let failed = probe
            .programs
            .iter()
            .find_map(|program| loader.attach(program).err());
        match failed {
            None => {
                return Chosen {
                    plan: choice.plan,
                    probe: Some(probe),
                    rejected,
                };
            }
            Some(reason) => rejected.push((probe.name, reason)),
        }
    }
    Chosen {
        plan: choice.plan,
        probe: None,
        rejected,
    }
}

/// `log::Level::Debug` as the programs compare it.
const fn aya_log_level_debug() -> u8 {
    4
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};

    use super::*;

    /// Section and name of every program in the object.
    fn programs_in_object() -> BTreeSet<(String, String)> {
        let object = object::File::parse(OBJECT).unwrap();
        object
            .symbols()
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_global())
            .filter_map(|symbol| {
                let section = object.section_by_index(symbol.section_index()?).ok()?;
                Some((
                    section.name().ok()?.to_owned(),
                    symbol.name().ok()?.to_owned(),
                ))
            })
            .filter(|(section, _)| {
                ["fentry", "fexit", "tp_btf", "raw_tp", "perf_event"]
                    .iter()
                    .any(|kind| section.starts_with(kind))
            })
            .collect()
    }

    #[test]
    fn the_plan_and_the_object_name_the_same_programs_at_the_same_hooks() {
        let planned: BTreeSet<_> = PROGRAMS
            .iter()
            .flat_map(|program| {
                let section = match program.hook {
                    Hook::Tracepoint(name) => format!("tp_btf/{name}"),
                    Hook::Entry(_) => "fentry".to_owned(),
                    Hook::Return(_) => "fexit".to_owned(),
                    Hook::ModuleTracepoint(name, _) => format!("raw_tp/{name}"),
                    Hook::SoftwareEvent(_) | Hook::CpuClock => "perf_event".to_owned(),
                };
                let second = program.second.map(|second| second.name);
                [Some(program.name), second]
                    .into_iter()
                    .flatten()
                    .map(move |name| (section.clone(), name.to_owned()))
            })
            .collect();
        assert_eq!(programs_in_object(), planned);
    }
}
