//! Loads the object and attaches, for each metric, the first probe that the kernel accepts.

use anyhow::{Context as _, Result, anyhow};
use aya::{Ebpf, EbpfLoader, Endianness, maps::HashMap};
use mmap_trace_ebpf::{
    backups::key_of,
    offsets::PARAMETERS,
    tables::{CONTROL_RINGS, CONTROL_WATCHED},
};

use super::{
    choose::ProbeChoice,
    loader::Loader,
    plan::{FileSystem, MetricPlan, Need, Probe},
    programs::{BASE, Hook, PROGRAMS, Program, RING_DIRECT, RINGS},
};
use crate::{
    count::kernel::{btf::Btf, calls, facts::Facts},
    metrics::Metric,
};

/// The eBPF object, built from `mmap-trace-ebpf`.
pub(super) static OBJECT: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/mmap-trace-ebpf"));

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
    let (native, of_32_bits) = (calls::native(), calls::of_32_bits());
    let copy_code = facts.copy_code.table();
    let level: u8 = match log {
        KernelLog::Off => 0,
        KernelLog::On => aya_log_level_debug(),
    };
    let mut ebpf = EbpfLoader::new()
        .override_global("FIELD_OFFSETS", facts.offsets.as_slice(), true)
        .override_global("RUN_PARAMETERS", parameters.as_slice(), true)
        .override_global("COPY_CODE", copy_code.as_slice(), true)
        .override_global("CALLS", native.as_slice(), true)
        .override_global("CALLS_OF_32_BITS", of_32_bits.as_slice(), true)
        .override_global(aya_log::LEVEL, &level, false)
        .load(OBJECT)
        .context("the kernel rejects the maps of the eBPF object")?;
    register_backups(&mut ebpf)?;
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
    let metrics: Vec<Chosen> = choices
        .into_iter()
        .map(|choice| first_that_works(&mut loader, choice))
        .collect();
    let watched = watched(&metrics).map_or(0, FileSystem::magic);
    loader.control(CONTROL_WATCHED, watched)?;
    follow_rings(&mut loader, &metrics)?;
    Ok(Attached { loader, metrics })
}

/// The only file system whose writeback the chosen probe sees, if there is a limit.
fn watched(metrics: &[Chosen]) -> Option<FileSystem> {
    let written = metrics
        .iter()
        .find(|chosen| chosen.plan.metric == Metric::PagesWritten)?;
    let needs = written.probe?.needs;
    needs.iter().find_map(|need| match need {
        Need::FileSystem(file_system) => Some(*file_system),
        Need::BlockDevice | Need::Symbols => None,
    })
}

/// Attaches the programs that see each request of io_uring. Where one of them does not work, or where copies
/// are counted by functions that do not see registered buffers, rings stay a declared loss.
fn follow_rings(loader: &mut Loader, metrics: &[Chosen]) -> Result<()> {
    let copies = [Metric::CopiedToUser, Metric::CopiedFromUser];
    let copies_by_functions = metrics.iter().any(|chosen| {
        let is_fexit = chosen.probe.is_some_and(|probe| probe.name == "fexit");
        is_fexit && copies.contains(&chosen.plan.metric)
    });
    let mut attach_one_of = |programs: &[&'static Program]| {
        let mut programs = programs.iter();
        programs.any(|program| loader.attach(program).is_ok())
    };
    if !copies_by_functions && RINGS.iter().all(|programs| attach_one_of(programs)) {
        // Without it O_DIRECT is a declared loss.
        let _ = loader.attach(&RING_DIRECT);
        loader.control(CONTROL_RINGS, 1)?;
    }
    Ok(())
}

/// Gives each backup program an entry to count its runs in.
fn register_backups(ebpf: &mut Ebpf) -> Result<()> {
    let map = ebpf
        .map_mut("BACKUP_RUNS")
        .context("the object has no map BACKUP_RUNS")?;
    let mut runs: HashMap<_, u64, u64> = HashMap::try_from(map).context("map BACKUP_RUNS")?;
    for program in PROGRAMS.iter().filter(|program| program.backup.is_some()) {
        runs.insert(key_of(program.name), 0, 0)
            .context("write BACKUP_RUNS")?;
    }
    Ok(())
}

/// The part of BTF in which aya looks up the type id of each program's target.
fn targets(btf: &Btf) -> Result<aya::Btf, aya::BtfError> {
    let (mut functions, mut tracepoints) = (Vec::new(), Vec::new());
    for program in PROGRAMS {
        match program.hook {
            Hook::Entry(names) | Hook::Return(names) => functions.extend(names),
            Hook::Tracepoint(name) => tracepoints.push(name),
            Hook::ModuleTracepoint(..)
            | Hook::SoftwareEvent(_)
            | Hook::CpuClock
            | Hook::PageTables => {}
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
