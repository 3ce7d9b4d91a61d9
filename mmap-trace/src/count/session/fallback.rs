//! What is left to a student when counting in the kernel is refused, from most to least.

use std::fmt::Write as _;

/// A way to see less.
struct PrivilegeLevel {
    command: String,
    loses: &'static str,
}

/// Why the level above could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallbackCause {
    /// An ordinary account that may still ask sudo.
    NoRoot,
    /// An ordinary account that sudo refused, or where there is none.
    NoSudo,
    /// Root, but the kernel or the container refuses.
    Refused,
}

/// The levels below, each with its command and what it cannot see.
#[must_use]
pub fn below(cause: FallbackCause, lesson: &str) -> String {
    let mut text = "what is left, from most to least:".to_owned();
    for level in levels(cause, lesson) {
        // Writing into a String cannot fail.
        let _ = write!(text, "\n  {}\n      {}", level.command, level.loses);
    }
    text
}

fn levels(cause: FallbackCause, lesson: &str) -> Vec<PrivilegeLevel> {
    let binary =
        std::env::current_exe().map_or("mmap-trace".to_owned(), |path| path.display().to_string());
    let sudo = PrivilegeLevel {
        command: format!("sudo {binary} run {lesson}"),
        loses: "counts everything; the lesson itself still runs as you, not as root",
    };
    let below = [
        PrivilegeLevel {
            command: format!("cargo xtask run {lesson} --kernel 6.12"),
            loses: "another kernel in QEMU, no root: it cannot see this kernel and this disk",
        },
        PrivilegeLevel {
            command: format!("{binary} run {lesson} --unprivileged"),
            loses: "no root: it cannot see copies, system calls and writeback",
        },
        PrivilegeLevel {
            command: format!("{binary} report FILE"),
            loses: "a run that somebody saved with --output: it cannot see this machine",
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
    fn sudo_is_offered_only_where_it_was_not_refused() {
        let first = |cause| levels(cause, "lesson-3")[0].command.clone();
        assert!(first(FallbackCause::NoRoot).starts_with("sudo "));
        for cause in [FallbackCause::NoSudo, FallbackCause::Refused] {
            assert_eq!(first(cause), "cargo xtask run lesson-3 --kernel 6.12");
        }
    }

    #[test]
    fn every_level_but_sudo_says_what_it_can_not_see() {
        for level in levels(FallbackCause::Refused, "lesson-3") {
            assert!(level.loses.contains("cannot see"), "{}", level.command);
        }
    }
}
