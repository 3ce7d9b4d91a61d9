//! Checks of the kernel: what it describes and forbids, and the sizes on which bounds of lessons depend.

use super::finding::{Inspection, Seen};
use super::host::Host;
use crate::count::{
    kernel::page_size::page_bytes,
    kernel::{btf::VMLINUX, fault_around},
};
use crate::diagnosis::Level;

/// Runs a lesson on a kernel that has every probe, without root.
pub(super) const ANOTHER_KERNEL: &str = "cargo xtask run lesson-3 --kernel 6.12";

const LOCKDOWN: &str = "/sys/kernel/security/lockdown";
const HUGE_PAGES: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

pub(super) const CHECKS: &[Inspection] = &[
    Inspection {
        what: "kernel",
        why: "a bug report needs it; probes are chosen by what a kernel has, not by its version",
        look: |_| Seen::ok(utsname(nix::sys::utsname::UtsName::release)),
    },
    Inspection {
        what: "architecture",
        why: "system calls and exceptions are described for x86-64 and arm64",
        look: |_| match utsname(nix::sys::utsname::UtsName::machine) {
            known if ["x86_64", "aarch64"].contains(&known.as_str()) => Seen::ok(known),
            other => Seen::not_ok(
                Level::Problem,
                other,
                "cargo xtask run lesson-3   # on an x86-64 machine",
            ),
        },
    },
    Inspection {
        what: "BTF",
        why: "the kernel's description of its types, without which the tracer cannot find the fields it reads",
        look: btf,
    },
    Inspection {
        what: "tracefs",
        why: "shows tracepoints to people and perf; the tracer does not need it",
        look: |host| {
            let places = [
                "/sys/kernel/tracing/events",
                "/sys/kernel/debug/tracing/events",
            ];
            match places.iter().find(|place| host.path(place).exists()) {
                Some(place) => Seen::ok(place.trim_end_matches("/events")),
                None => Seen::ok("not visible, and not needed"),
            }
        },
    },
    Inspection {
        what: "lockdown",
        why: "mode confidentiality refuses programs that read kernel memory, as the tracer's do",
        look: |host| match host.chosen(LOCKDOWN).as_deref() {
            Some("confidentiality") => {
                Seen::not_ok(Level::Problem, "confidentiality", ANOTHER_KERNEL)
            }
            Some(mode) => Seen::ok(mode),
            None => {
                Seen::ok("not visible: securityfs is not mounted, or the kernel has no lockdown")
            }
        },
    },
    Inspection {
        what: "page size",
        why: "the unit of page and fault counts",
        look: |_| Seen::ok(format!("{} bytes", page_bytes())),
    },
    Inspection {
        what: "transparent huge pages",
        why: "with `always`, one fault may map 2 MiB of anonymous memory",
        look: |host| match host.chosen(HUGE_PAGES).as_deref() {
            Some("always") => {
                let mend = format!("echo madvise | sudo tee {HUGE_PAGES}");
                Seen::not_ok(Level::Note, "always", mend)
            }
            Some(mode) => Seen::ok(mode),
            None => Seen::ok("not visible"),
        },
    },
    Inspection {
        what: "fault-around window",
        why: "how much of a cached file one read fault maps, so bounds of lessons depend on it",
        look: |host| match fault_around::measure(host.work_dir(), page_bytes()) {
            Ok(bytes) => Seen::ok(format!("{} KiB, measured", bytes >> 10)),
            Err(error) => Seen::not_ok(
                Level::Warning,
                format!("could not be measured: {error:#}"),
                "cargo xtask doctor --work-dir DIR   # a directory that can be written",
            ),
        },
    },
];

fn utsname(field: fn(&nix::sys::utsname::UtsName) -> &std::ffi::OsStr) -> String {
    nix::sys::utsname::uname().map_or_else(
        |errno| format!("unknown: {errno}"),
        |name| field(&name).to_string_lossy().into_owned(),
    )
}

fn btf(host: &Host) -> Seen {
    match std::fs::read(host.path(VMLINUX)) {
        Ok(data) => Seen::ok(format!("{VMLINUX}, {} KiB", data.len() >> 10)),
        Err(error) => Seen::not_ok(
            Level::Problem,
            format!("cannot read {VMLINUX}: {error}; it needs CONFIG_DEBUG_INFO_BTF=y and /sys"),
            ANOTHER_KERNEL,
        ),
    }
}
