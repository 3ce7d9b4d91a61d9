//! Versions of mmap-trace and of the programs that a build, a VM or a test needs.

use std::process::{Command, Stdio};

use super::finding::{Inspection, Seen};
use crate::diagnosis::Level;

macro_rules! tool {
    ($what:literal, [$($word:literal),+], $why:literal, $package:literal) => {
        Inspection {
            what: $what,
            why: $why,
            look: |_| version(&[$($word),+], concat!("sudo apt install ", $package)),
        }
    };
}

pub(super) const CHECKS: &[Inspection] = &[
    Inspection {
        what: "mmap-trace",
        why: "a bug report needs it",
        look: |_| Seen::ok(env!("CARGO_PKG_VERSION")),
    },
    Inspection {
        what: "eBPF object",
        why: "the counting programs, which are part of the tracer",
        look: |_| {
            Seen::ok(format!(
                "{} bytes",
                crate::count::attach::load::object_bytes()
            ))
        },
    },
    tool!(
        "rustc",
        ["rustc", "--version"],
        "builds the tracer; stable 1.95 or later",
        "rustc"
    ),
    tool!(
        "gcc",
        ["gcc", "--version"],
        "links what cargo builds",
        "gcc"
    ),
    tool!(
        "qemu",
        ["qemu-system-x86_64", "--version"],
        "runs `cargo xtask run lesson-3 --kernel 6.12`, which downloads it where apt is available",
        "qemu-system-x86"
    ),
    tool!(
        "strace",
        ["strace", "--version"],
        "the tests compare counts with it",
        "strace"
    ),
    tool!(
        "perf",
        ["perf", "--version"],
        "the tests compare counts with it",
        "linux-perf"
    ),
    tool!(
        "sudo",
        ["sudo", "--version"],
        "lets an ordinary account start the tracer as root",
        "sudo"
    ),
];

/// The first line of a program's output. None of the programs is needed to count.
fn version(words: &[&str], install: &str) -> Seen {
    let output = Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let line = output.ok().and_then(|output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let first = text.lines().next()?.trim().to_owned();
        (output.status.success() && !first.is_empty()).then_some(first)
    });
    match line {
        Some(line) => Seen::ok(line),
        None => Seen::not_ok(Level::Note, "not on PATH", install),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_or_fails_is_a_note_with_the_command_that_installs_it() {
        for words in [
            &["no-such-program-here", "--version"],
            &["false", "--version"],
        ] {
            let seen = version(words, "sudo apt install it");
            assert_eq!(seen.level, Level::Note);
            assert_eq!(seen.mend.as_deref(), Some("sudo apt install it"));
        }
        assert_eq!(version(&["echo", "1.2"], ""), Seen::ok("1.2"));
    }
}
