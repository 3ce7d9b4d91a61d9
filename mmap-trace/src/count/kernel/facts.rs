//! Facts about the kernel and the work directory, as plain values, from which probes are chosen.
//!
//! They can be saved and loaded, so that a test can choose probes for a reported kernel on any machine.

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
    /// Functions of the plan that BTF describes.
    pub functions: BTreeSet<String>,
    /// Modules of the plan that are loaded; code that is built into the image is no module.
    pub modules: BTreeSet<String>,
    /// Whether a program at a tracepoint can be preempted. The kernel then skips it for other tasks on that
    /// CPU until it has returned (`bpf_prog_get_recursion_context`, include/linux/bpf.h).
    #[serde(default)]
    pub preempts_programs: bool,
    /// The offset table of the kernel programs; [`ABSENT`] where the kernel has no such field.
    #[serde(with = "fields")]
    pub offsets: Vec<u32>,
    pub disk: Disk,
    /// Only a run that samples looks for it.
    #[serde(skip)]
    pub copy_code: CopyCode,
}

/// Collects the facts about the running kernel. The caller reads `btf`, because loading needs it too.
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
            // Only attaching shows whether these exist.
            Hook::SoftwareEvent(_) | Hook::CpuClock | Hook::PageTables => {}
        }
    }
    facts.offsets = fields::resolve(|path| btf.resolve(path));
    facts
}

/// True since Linux 7.0 (`__bpf_trace_run`, `kernel/trace/bpf_trace.c`); before, tracepoints disabled
/// preemption around the programs that they call.
fn preempts_programs() -> bool {
    let release = nix::sys::utsname::uname().map(|name| name.release().to_owned());
    let release = release.unwrap_or_default();
    let major = release.to_string_lossy().split('.').next().map(str::parse);
    matches!(major, Some(Ok(7_u32..)))
}

/// Only a loaded module has `initstate`; code that is built into the image may have a folder, too.
fn is_loaded(module: &str) -> bool {
    Path::new("/sys/module")
        .join(module)
        .join("initstate")
        .exists()
}

impl Facts {
    /// One entry of the offset table; [`ABSENT`] if the kernel has no such field.
    #[must_use]
    pub fn offset(&self, index: usize) -> u32 {
        self.offsets.get(index).copied().unwrap_or(ABSENT)
    }
}
