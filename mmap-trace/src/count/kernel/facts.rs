//! Facts about the kernel and the work directory, as plain values: choices are functions of these.
//!
//! They can be written down and read again, so that a kernel that somebody reports can be tried in a
//! test on any machine.

use std::{collections::BTreeSet, path::Path};

use mmap_trace_ebpf::offsets::ABSENT;
use serde::{Deserialize, Serialize};

use super::{btf::Btf, disk::Disk, fields, symbols::CopyCode};
use crate::count::attach::programs::{Hook, PROGRAMS};

/// Everything that decides between probes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Tracepoints of the plan that the kernel image has.
    pub tracepoints: BTreeSet<String>,
    /// Functions of the plan that BTF knows.
    pub functions: BTreeSet<String>,
    /// Modules of the plan that are loaded, not part of the image.
    pub modules: BTreeSet<String>,
    /// Whether a program at a tracepoint can be preempted. The kernel then skips it for whoever runs on
    /// that CPU meanwhile (`bpf_prog_get_recursion_context`, include/linux/bpf.h).
    #[serde(default)]
    pub preempts_programs: bool,
    /// Values of the offset table; [`ABSENT`] where the kernel has no such field.
    #[serde(with = "fields")]
    pub offsets: Vec<u32>,
    /// The work directory's file system.
    pub disk: Disk,
    /// The code that copies, where a run samples.
    #[serde(skip)]
    pub copy_code: CopyCode,
}

/// Asks the running kernel. `btf` is read once by the caller, because loading needs it too.
#[must_use]
pub fn gather(btf: &Btf, disk: Disk) -> Facts {
    let mut facts = Facts {
        disk,
        preempts_programs: preempts_programs(),
        ..Facts::default()
    };
    for program in PROGRAMS {
        match program.hook {
            Hook::Tracepoint(name) => {
                if btf.has_tracepoint(name) {
                    facts.tracepoints.insert(name.to_owned());
                }
            }
            Hook::Entry(names) | Hook::Return(names) => facts.functions.extend(
                names
                    .iter()
                    .filter(|name| btf.has_function(name))
                    .map(|name| (*name).to_owned()),
            ),
            Hook::ModuleTracepoint(_, module) => {
                if is_loaded(module) {
                    facts.modules.insert(module.to_owned());
                }
            }
            // What has no entry here is only known once it is tried.
            Hook::SoftwareEvent(_) | Hook::CpuClock => {}
        }
    }
    facts.offsets = fields::resolve(|path| btf.resolve(path));
    facts
}

/// Since Linux 7.0 (`__bpf_trace_run`, `kernel/trace/bpf_trace.c`); before, tracepoints disabled
/// preemption for all that they call.
fn preempts_programs() -> bool {
    let release = nix::sys::utsname::uname().map(|name| name.release().to_owned());
    let release = release.unwrap_or_default();
    let major = release.to_string_lossy().split('.').next().map(str::parse);
    matches!(major, Some(Ok(7_u32..)))
}

/// Only a module that was loaded has a state; what is part of the image may have a folder too.
fn is_loaded(module: &str) -> bool {
    Path::new("/sys/module")
        .join(module)
        .join("initstate")
        .exists()
}

impl Facts {
    /// The value of an offset, [`ABSENT`] if the kernel has no such field.
    #[must_use]
    pub fn offset(&self, index: usize) -> u32 {
        self.offsets.get(index).copied().unwrap_or(ABSENT)
    }
}
