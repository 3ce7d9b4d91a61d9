//! Checks of privileges: what this account may do, and what restricts it.

use super::finding::{Inspection, Seen};
use super::host::Host;
use crate::count::kernel::capabilities::Capabilities;
use crate::diagnosis::Level;

/// Files by which container engines can be recognised.
const CONTAINERS: &[(&str, &str)] = &[
    ("/.dockerenv", "docker"),
    ("/run/.containerenv", "podman"),
    ("/run/systemd/container", "systemd-nspawn or lxc"),
    ("/run/host/container-manager", "toolbox or distrobox"),
];

pub(super) const CHECKS: &[Inspection] = &[
    Inspection {
        what: "account",
        why: "only root can load the counting programs; the lesson itself never runs as root",
        look: |host| match uid(host) {
            Some(0) => Seen::ok("root"),
            _ => Seen::not_ok(
                Level::Problem,
                "an ordinary account",
                "cargo xtask doctor   # asks sudo",
            ),
        },
    },
    Inspection {
        what: "capabilities",
        why: "loading programs needs CAP_BPF and CAP_PERFMON; starting the lesson needs CAP_SETUID, CAP_SETGID and CAP_CHOWN",
        look: capabilities,
    },
    Inspection {
        what: "user namespace",
        why: "root of another user namespace may not load eBPF programs",
        look: |host| match host.read("/proc/self/uid_map").as_deref() {
            Some(map) if !is_initial(map) => Seen::not_ok(
                Level::Problem,
                "not the initial one",
                "cargo xtask doctor   # outside of the container",
            ),
            Some(_) => Seen::ok("the initial one"),
            None => Seen::ok("not visible"),
        },
    },
    Inspection {
        what: "seccomp",
        why: "a filter may refuse bpf(2) and perf_event_open(2) even to root",
        look: |host| match host.status("Seccomp").as_deref() {
            Some("0") => Seen::ok("no filter"),
            Some(_) => Seen::not_ok(
                Level::Note,
                "a filter is installed",
                "docker run --security-opt seccomp=unconfined …",
            ),
            None => Seen::ok("not visible"),
        },
    },
    Inspection {
        what: "perf_event_paranoid",
        why: "above 2, an ordinary account cannot open perf events; root always can",
        look: |host| match host.read("/proc/sys/kernel/perf_event_paranoid") {
            Some(value) => Seen::ok(value),
            None => Seen::ok("not visible"),
        },
    },
    Inspection {
        what: "unprivileged_bpf_disabled",
        why: "even if it is 0, tracing programs need CAP_PERFMON",
        look: |host| match host.read("/proc/sys/kernel/unprivileged_bpf_disabled") {
            Some(value) => Seen::ok(value),
            None => Seen::ok("not visible"),
        },
    },
    Inspection {
        what: "locked memory",
        why: "lessons lock pages; since Linux 5.11, eBPF maps do not count as locked memory",
        look: locked_memory,
    },
    Inspection {
        what: "container",
        why: "its file system, capabilities and seccomp filter decide what can be counted",
        look: |host| match container(host) {
            None => Seen::ok("none detected"),
            Some(sign) => Seen::not_ok(
                Level::Note,
                sign,
                "docker run --privileged -v /var/tmp:/var/tmp …",
            ),
        },
    },
];

fn uid(host: &Host) -> Option<u32> {
    // The fields are the real, effective, saved and file system user id.
    let ids = host.status("Uid")?;
    ids.split_whitespace().nth(1)?.parse().ok()
}

fn capabilities(host: &Host) -> Seen {
    let status = host.read("/proc/self/status");
    let Some(held) = status.as_deref().and_then(Capabilities::of) else {
        return Seen::ok("not visible");
    };
    let missing = held.missing();
    if !missing.is_empty() {
        let now = format!("without {}", missing.join(", "));
        let mend = match uid(host) {
            Some(0) => "docker run --cap-add BPF --cap-add PERFMON --cap-add SYS_ADMIN …",
            _ => "cargo xtask doctor   # asks sudo",
        };
        return Seen::not_ok(Level::Problem, now, mend);
    }
    if !held.has_sys_admin() {
        return Seen::not_ok(
            Level::Note,
            "all but CAP_SYS_ADMIN: the kernel hides page frame numbers, which lesson 8 compares",
            "docker run --cap-add SYS_ADMIN …",
        );
    }
    Seen::ok("all that are needed")
}

/// The initial namespace maps all ids to themselves, see `user_namespaces(7)`.
fn is_initial(map: &str) -> bool {
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

fn locked_memory(_: &Host) -> Seen {
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
    match getrlimit(Resource::RLIMIT_MEMLOCK) {
        Ok((RLIM_INFINITY, _)) => Seen::ok("unlimited"),
        Ok((bytes, _)) => Seen::ok(format!("{} KiB", bytes >> 10)),
        Err(errno) => Seen::ok(format!("unknown: {errno}")),
    }
}

fn container(host: &Host) -> Option<String> {
    let engine = CONTAINERS
        .iter()
        .find(|(path, _)| host.path(path).exists())
        .map(|(path, engine)| format!("{engine}, by {path}"));
    let variable = || {
        // systemd documents the variable of process 1; ordinary accounts cannot read it.
        let environment = host.read("/proc/1/environ")?;
        let value = environment
            .split('\0')
            .find_map(|pair| pair.strip_prefix("container="))?;
        Some(format!("{value}, by the environment of process 1"))
    };
    let subsystem = || {
        let release = host.read("/proc/sys/kernel/osrelease")?.to_lowercase();
        release
            .contains("microsoft")
            .then(|| "WSL, by the kernel's name".to_owned())
    };
    engine.or_else(variable).or_else(subsystem)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn host(status: &str, more: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [("proc/self/status", status)].iter().chain(more) {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let host = Host::below(root.path());
        (root, host)
    }

    fn level(what: &str, host: &Host) -> Level {
        let check = CHECKS.iter().find(|check| check.what == what).unwrap();
        (check.look)(host).level
    }

    #[test]
    fn root_in_a_container_without_capabilities_is_a_problem() {
        // Docker's default set, and the same with the capabilities that are needed.
        let (_root, docker) = host(
            "Uid:\t0\t0\t0\t0\nCapEff:\t00000000a80425fb\nSeccomp:\t2\n",
            &[],
        );
        assert_eq!(level("account", &docker), Level::Ok);
        assert_eq!(level("capabilities", &docker), Level::Problem);
        assert_eq!(level("seccomp", &docker), Level::Note);
        let seen = capabilities(&docker);
        assert_eq!(seen.now, "without CAP_BPF, CAP_PERFMON");
        assert!(seen.mend.unwrap().starts_with("docker run --cap-add BPF"));
        let (_root, given) = host("Uid:\t0\t0\t0\t0\nCapEff:\t000000c0a82425fb\n", &[]);
        assert_eq!(level("capabilities", &given), Level::Ok);
        let (_root, some) = host("Uid:\t0\t0\t0\t0\nCapEff:\t000000c0a80425fb\n", &[]);
        assert_eq!(level("capabilities", &some), Level::Note);
    }

    #[test]
    fn root_of_a_user_namespace_is_a_problem() {
        let map = |text| host("", &[("proc/self/uid_map", text)]);
        let (_root, initial) = map("         0          0 4294967295");
        assert_eq!(level("user namespace", &initial), Level::Ok);
        let (_root, mapped) = map("         0       1000          1");
        assert_eq!(level("user namespace", &mapped), Level::Problem);
    }

    #[test]
    fn containers_are_recognised_by_the_files_of_their_engines() {
        let (_root, bare) = host("", &[]);
        assert_eq!(container(&bare), None);
        for (path, text, sign) in [
            (".dockerenv", "", "docker, by /.dockerenv"),
            ("run/.containerenv", "", "podman, by /run/.containerenv"),
            (
                "proc/1/environ",
                "A=1\0container=lxc\0",
                "lxc, by the environment of process 1",
            ),
            (
                "proc/sys/kernel/osrelease",
                "6.6.87.2-microsoft-standard-WSL2",
                "WSL, by the kernel's name",
            ),
        ] {
            let (_root, inside) = host("", &[(path, text)]);
            assert_eq!(container(&inside).as_deref(), Some(sign));
        }
    }

    #[test]
    fn without_proc_every_check_still_answers() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::below(root.path());
        for check in CHECKS {
            let seen = (check.look)(&host);
            assert!(!seen.now.is_empty(), "{}", check.what);
            assert_eq!(
                seen.mend.is_some(),
                seen.level != Level::Ok,
                "{}",
                check.what
            );
        }
    }
}
