//! What a student can still run when counting in the kernel fails, from most to least.

use std::fmt::Write as _;

/// A command that needs fewer privileges, and sees less.
struct PrivilegeLevel {
    command: String,
    limits: &'static str,
}

/// Why counting in the kernel failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallbackCause {
    /// An ordinary account that may still ask sudo.
    NoRoot,
    /// An ordinary account that sudo refused, or a machine without sudo.
    NoSudo,
    /// Root, but the kernel or the container refuses.
    Refused,
}

/// Lists the remaining commands, each with what it cannot see.
#[must_use]
pub fn below(cause: FallbackCause, lesson: &str) -> String {
    let mut text = "what you can still run, from most to least:".to_owned();
    for level in levels(cause, lesson) {
        // Writing into a String cannot fail.
        let _ = write!(text, "\n  {}\n      {}", level.command, level.limits);
    }
    text
}

fn levels(cause: FallbackCause, lesson: &str) -> Vec<PrivilegeLevel> {
    let binary =
        std::env::current_exe().map_or("mmap-trace".to_owned(), |path| path.display().to_string());
    let sudo = PrivilegeLevel {
        command: format!("sudo {binary} run {lesson}"),
        limits: "counts everything; the lesson itself still runs as you, not as root",
    };
    let below = [
        PrivilegeLevel {
            command: format!("cargo xtask run {lesson} --kernel 6.12"),
            limits: "without root, on another kernel in a VM: it cannot see this kernel or this disk",
        },
        PrivilegeLevel {
            command: format!("{binary} run {lesson} --unprivileged"),
            limits: "without root: it cannot see copies, system calls or writeback",
        },
        PrivilegeLevel {
            command: format!("{binary} report FILE"),
            limits: "draws a run that was saved with --output: it cannot see this machine",
        },
    ];
    (cause == FallbackCause::NoRoot)
        .then_some(sudo)
        .into_iter()
        .chain(below)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sudo_is_offered_unless_it_was_refused() {
        let first = |cause| levels(cause, "lesson-3")[0].command.clone();
        assert!(first(FallbackCause::NoRoot).starts_with("sudo "));
        for cause in [FallbackCause::NoSudo, FallbackCause::Refused] {
            assert_eq!(first(cause), "cargo xtask run lesson-3 --kernel 6.12");
        }
    }

    #[test]
    fn every_level_except_sudo_says_what_it_cannot_see() {
        for level in levels(FallbackCause::Refused, "lesson-3") {
            assert!(level.limits.contains("cannot see"), "{}", level.command);
        }
    }
}
