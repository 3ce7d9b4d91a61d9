//! Versions: ours, and those of programs that a build, a box or a test calls.

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
        why: "it is built with the tracer and lies inside of it",
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
        "`cargo xtask run lesson-3 --kernel 6.12` runs in it; where apt is, it fetches its own",
        "qemu-system-x86"
    ),
    tool!(
        "strace",
        ["strace", "--version"],
        "the tests ask it for a second opinion",
        "strace"
    ),
    tool!(
        "perf",
        ["perf", "--version"],
        "the tests ask it for a second opinion",
        "linux-perf"
    ),
    tool!(
        "sudo",
        ["sudo", "--version"],
        "lets an ordinary account start the tracer as root",
        "sudo"
    ),
];

/// The first line that a program says about itself. None of them is needed to count.
fn version(words: &[&str], install: &str) -> Seen {
    let said = Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let line = said.ok().and_then(|output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let first = text.lines().next()?.trim().to_owned();
        (output.status.success() && !first.is_empty()).then_some(first)
    });
    match line {
        Some(line) => Seen::ok(line),
        None => Seen::but(Level::Note, "not on PATH", install),
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
