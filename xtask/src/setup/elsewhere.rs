//! The last option: the commands to type on a machine that set-up cannot serve by itself.

use super::{Refusal, linker};
use crate::{path, problem::Problem};

/// Package managers, and the command that installs rustup, a C compiler and LLVM's library.
const MANAGERS: &[(&str, &str)] = &[
    ("apt-get", "sudo apt-get install rustup gcc llvm-dev"),
    (
        "dnf",
        "sudo dnf install rustup gcc llvm-devel && rustup-init -y",
    ),
    ("pacman", "sudo pacman -S --needed rustup gcc llvm"),
    ("zypper", "sudo zypper install rustup gcc llvm-devel"),
    (
        "apk",
        "sudo apk add rustup gcc musl-dev llvm-dev && rustup-init -y",
    ),
];

/// The message, with the command of the first package manager that this machine has.
pub(crate) fn problem(refusals: &[Refusal]) -> Problem {
    let manager = MANAGERS
        .iter()
        .find(|(program, _)| path::find(program).is_some());
    let now: Vec<_> = refusals
        .iter()
        .map(|Refusal { option, why }| format!("{option}: {why}"))
        .collect();
    let mut commands: Vec<String> = manager
        .map(|(_, line)| (*line).to_owned())
        .into_iter()
        .collect();
    commands.extend(linker::rustup_commands());
    Problem {
        what: "set-up cannot make an eBPF toolchain on this machine by itself".to_owned(),
        now: now.join("; "),
        why: "the counting programs run in the kernel and need a rustc with `core` for BPF, and \
              bpf-linker"
            .to_owned(),
        commands,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refused_option_is_named_and_set_up_is_the_last_command() {
        let refusals = [
            Refusal {
                option: "a",
                why: "no x".into(),
            },
            Refusal {
                option: "b",
                why: "no y".into(),
            },
        ];
        let problem = problem(&refusals);
        assert_eq!(problem.now, "a: no x; b: no y");
        assert_eq!(
            problem.commands.last().map(String::as_str),
            Some("cargo xtask setup")
        );
    }
}
