//! The capabilities that tracing needs, read from `CapEff` in `/proc/PID/status`.

// Bits from include/uapi/linux/capability.h.
const CHOWN: u64 = 1 << 0;
const SETGID: u64 = 1 << 6;
const SETUID: u64 = 1 << 7;
const SYS_ADMIN: u64 = 1 << 21;
const PERFMON: u64 = 1 << 38;
const BPF: u64 = 1 << 39;

/// `CAP_SYS_ADMIN` implies the first two; the others are for starting the lesson under another account.
const NEEDED: &[(&str, u64)] = &[
    ("CAP_BPF", BPF | SYS_ADMIN),
    ("CAP_PERFMON", PERFMON | SYS_ADMIN),
    ("CAP_SETUID", SETUID),
    ("CAP_SETGID", SETGID),
    ("CAP_CHOWN", CHOWN),
];

/// The effective capabilities of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities(u64);

impl Capabilities {
    /// Reads the text of a status file; `None` if it has no `CapEff`.
    #[must_use]
    pub fn of(status: &str) -> Option<Self> {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("CapEff:"))?;
        u64::from_str_radix(line.trim(), 16).ok().map(Capabilities)
    }

    /// Reads those of this process; `None` without /proc.
    #[must_use]
    pub fn own() -> Option<Self> {
        Self::of(&std::fs::read_to_string("/proc/self/status").ok()?)
    }

    /// Names of the capabilities that counting needs and the process lacks.
    #[must_use]
    pub fn missing(self) -> Vec<&'static str> {
        let missing = NEEDED.iter().filter(|(_, any)| self.0 & any == 0);
        missing.map(|(name, _)| *name).collect()
    }

    /// Whether the kernel shows the process page frame numbers, and lets it mount a /proc of its own.
    #[must_use]
    pub fn has_sys_admin(self) -> bool {
        self.0 & SYS_ADMIN != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sys_admin_implies_bpf_and_perfmon_and_nothing_else() {
        let missing = |text| Capabilities::of(text).unwrap().missing();
        // Docker's default set.
        assert_eq!(
            missing("CapEff:\t00000000a80425fb"),
            ["CAP_BPF", "CAP_PERFMON"]
        );
        assert!(missing("CapEff:\t00000000a82425fb").is_empty());
        assert_eq!(
            missing("CapEff:\t0000000000200000"),
            ["CAP_SETUID", "CAP_SETGID", "CAP_CHOWN"]
        );
        assert_eq!(Capabilities::of("Uid:\t0"), None);
    }
}
