//! Attaches programs of the object; when the kernel refuses one, says why in one sentence.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, bail};
use aya::{
    Btf, Ebpf,
    maps::Array,
    programs::{
        PerfEvent, Program as Loaded, ProgramError, RawTracePoint, RawTracePointRunOptions,
        TestRun as _,
        perf_event::{PerfEventConfig, PerfEventScope, SamplePolicy, SoftwareEvent},
    },
    util::online_cpus,
};

use super::{
    choose::{is_needless, missing},
    programs::{Hook, Program, SAMPLE_PERIOD_NS, SoftwareFault},
};
use crate::count::kernel::{facts::Facts, page_tables::find_direct_map};
use mmap_trace_ebpf::tables::CONTROL_DIRECT_MAP;

/// The loaded object and its attached programs. Dropping it detaches and frees everything.
pub struct Loader {
    pub ebpf: Ebpf,
    btf: Btf,
    facts: Facts,
    done: BTreeMap<&'static str, Result<(), String>>,
    /// Programs that are attached for the calibration only.
    temporary: Vec<&'static Program>,
}

impl Loader {
    pub(super) fn new(ebpf: Ebpf, btf: Btf, facts: Facts) -> Self {
        Loader {
            ebpf,
            btf,
            facts,
            done: BTreeMap::new(),
            temporary: Vec::new(),
        }
    }

    /// Sets one word of the CONTROL map, by its index among `tables::CONTROL_…`.
    pub fn control(&mut self, word: u32, value: u64) -> Result<()> {
        let map = self
            .ebpf
            .map_mut("CONTROL")
            .context("the object has no map CONTROL")?;
        let mut control: Array<_, u64> = Array::try_from(map).context("map CONTROL")?;
        control.set(word, value, 0).context("write CONTROL")
    }

    /// Attaches programs until [`Self::detach_temporary`]; those that are attached already stay.
    pub fn attach_temporarily(&mut self, programs: &[&'static Program]) -> Result<(), String> {
        for program in programs {
            let stays = self.done.contains_key(program.name);
            self.attach(program)?;
            if !stays {
                self.temporary.push(program);
            }
        }
        Ok(())
    }

    /// Detaches what [`Self::attach_temporarily`] attached.
    pub fn detach_temporary(&mut self) {
        for guest in std::mem::take(&mut self.temporary) {
            self.detach(guest.name);
            if let Some(backup) = guest.backup {
                self.detach(backup);
            }
            self.done.remove(guest.name);
        }
    }

    /// Unloads a program, which detaches it; a failure means that it was not loaded.
    fn detach(&mut self, name: &str) {
        let _ = match self.ebpf.program_mut(name) {
            Some(Loaded::BtfTracePoint(program)) => program.unload(),
            Some(Loaded::RawTracePoint(program)) => program.unload(),
            Some(Loaded::FEntry(program)) => program.unload(),
            Some(Loaded::FExit(program)) => program.unload(),
            _ => Ok(()),
        };
    }

    /// Attaches a program once; later calls return the first answer.
    pub(super) fn attach(&mut self, program: &'static Program) -> Result<(), String> {
        if let Some(answer) = self.done.get(program.name) {
            return answer.clone();
        }
        let answer = match missing(program, &self.facts) {
            Some(reason) => Err(reason),
            None if is_needless(program, &self.facts) => Ok(()),
            None => self
                .attach_all_of(program)
                .map_err(|error| refusal(program, &error)),
        };
        self.done.insert(program.name, answer.clone());
        answer
    }

    /// Attaches the program, and its backup where the kernel may skip the program.
    fn attach_all_of(&mut self, program: &Program) -> Result<()> {
        let backup = program.backup.filter(|_| self.facts.preempts_programs);
        let Some(backup) = backup else {
            return self.try_attach(program.name, program.hook);
        };
        // The primary must run first. A tracepoint runs the programs in the order in which they were
        // attached (`func_add`, kernel/tracepoint.c), a trampoline in the reverse order
        // (`__bpf_trampoline_link_prog`, kernel/bpf/trampoline.c).
        let order = match program.hook {
            Hook::Entry(_) | Hook::Return(_) => [backup, program.name],
            _ => [program.name, backup],
        };
        for name in order {
            if let Err(error) = self.try_attach(name, program.hook) {
                for name in order {
                    self.detach(name);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn try_attach(&mut self, name: &str, hook: Hook) -> Result<()> {
        let Some(loaded) = self.ebpf.program_mut(name) else {
            bail!("the eBPF object has no program {name}");
        };
        let function = |names: &[&'static str]| {
            names
                .iter()
                .copied()
                .find(|name| self.facts.functions.contains(*name))
                .unwrap_or_default()
        };
        match (loaded, hook) {
            (Loaded::BtfTracePoint(loaded), Hook::Tracepoint(name)) => {
                loaded.load(name, &self.btf)?;
                loaded.attach()?;
            }
            (Loaded::FEntry(loaded), Hook::Entry(names)) => {
                loaded.load(function(names), &self.btf)?;
                loaded.attach()?;
            }
            (Loaded::FExit(loaded), Hook::Return(names)) => {
                loaded.load(function(names), &self.btf)?;
                loaded.attach()?;
            }
            (Loaded::RawTracePoint(loaded), Hook::ModuleTracepoint(name, _)) => {
                loaded.load()?;
                loaded.attach(name)?;
            }
            (Loaded::PerfEvent(loaded), Hook::SoftwareEvent(fault)) => {
                let event = match fault {
                    SoftwareFault::Minor => SoftwareEvent::PageFaultsMin,
                    SoftwareFault::Major => SoftwareEvent::PageFaultsMaj,
                };
                loaded.load()?;
                on_every_cpu(loaded, event, 1)?;
            }
            (Loaded::PerfEvent(loaded), Hook::CpuClock) => {
                loaded.load()?;
                on_every_cpu(loaded, SoftwareEvent::CpuClock, SAMPLE_PERIOD_NS)?;
            }
            (Loaded::RawTracePoint(loaded), Hook::PageTables) => {
                loaded.load()?;
                let found = find_direct_map(|address| peek(loaded, address));
                self.control(CONTROL_DIRECT_MAP, found.map_err(|reason| anyhow!(reason))?)?;
            }
            _ => bail!("the eBPF object has program {name} with another type than the plan says"),
        }
        Ok(())
    }
}

/// Runs the program that reads kernel memory.
fn peek(program: &RawTracePoint, address: u64) -> Option<u64> {
    let part = |part| {
        let mut options = RawTracePointRunOptions::new();
        options.args[..2].copy_from_slice(&[address, part]);
        program.test_run(options).map(|result| result.return_value)
    };
    let is_read = part(0).ok()? == 1;
    let halves = (part(1).ok()?, part(2).ok()?);
    is_read.then(|| u64::from(halves.1) << 32 | u64::from(halves.0))
}

/// Runs the program at every `period`th event of any process; the program itself checks for members.
fn on_every_cpu(program: &mut PerfEvent, event: SoftwareEvent, period: u64) -> Result<()> {
    let cpus = online_cpus().map_err(|(file, error)| anyhow!("read({file}): {error}"))?;
    for cpu in cpus {
        program.attach(
            PerfEventConfig::Software(event),
            PerfEventScope::AllProcessesOneCpu { cpu },
            SamplePolicy::Period(period),
            false,
        )?;
    }
    Ok(())
}

/// What was refused and the kernel's answer, in one sentence, with the last lines of a verifier log.
fn refusal(program: &Program, error: &anyhow::Error) -> String {
    let answer = match error.downcast_ref::<ProgramError>() {
        Some(ProgramError::LoadError {
            io_error,
            verifier_log,
        }) => {
            let log = verifier_log.to_string();
            let tail: Vec<_> = log
                .lines()
                .rev()
                .filter(|line| !line.is_empty())
                .take(4)
                .collect();
            let tail: Vec<_> = tail.into_iter().rev().collect();
            if tail.is_empty() {
                format!("the kernel refuses to load it ({io_error})")
            } else {
                format!("the verifier refuses it ({io_error}): {}", tail.join(" | "))
            }
        }
        Some(ProgramError::SyscallError(failed)) => {
            format!("the kernel refuses to attach it ({})", failed.io_error)
        }
        _ => format!("{error:#}"),
    };
    format!("{}: {answer}", program.hook.place())
}
