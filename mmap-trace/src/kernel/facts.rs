//! Facts about the kernel and the work directory, as plain values: choices are functions of these.

use std::collections::BTreeSet;

use mmap_trace_ebpf::offsets::{ABSENT, OFFSETS, PATHS};

use super::{btf::Btf, disk::Disk};
use crate::attach::programs::{Hook, PROGRAMS};

/// Everything that decides between ways.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Tracepoints of the plan that the kernel image has.
    pub tracepoints: BTreeSet<String>,
    /// Functions of the plan that BTF knows.
    pub functions: BTreeSet<String>,
    /// Values of the offset table; [`ABSENT`] where the kernel has no such field.
    pub offsets: Vec<u32>,
    /// The work directory's file system.
    pub disk: Disk,
}

/// Asks the running kernel. `btf` is read once by the caller, because loading needs it too.
#[must_use]
pub fn gather(btf: &Btf, disk: Disk) -> Facts {
    let mut facts = Facts {
        disk,
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
        }
    }
    facts.offsets = PATHS
        .iter()
        .map(|paths| {
            paths
                .iter()
                .find_map(|path| btf.resolve(path))
                .unwrap_or(ABSENT)
        })
        .collect();
    debug_assert_eq!(facts.offsets.len(), OFFSETS);
    facts
}
