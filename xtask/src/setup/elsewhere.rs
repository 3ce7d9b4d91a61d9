//! Way 4: what to type on a machine that set-up cannot serve by itself.

use super::{Refusal, linker};
use crate::{path, problem::Problem};

/// A package manager, and what brings rustup, a C compiler and LLVM's library with it.
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

/// The message, with the first package manager that this machine has.
pub(crate) fn problem(refusals: &[Refusal]) -> Problem {
    let manager = MANAGERS
        .iter()
        .find(|(program, _)| path::find(program).is_some());
    let now: Vec<_> = refusals
        .iter()
        .map(|Refusal { way, why }| format!("{way}: {why}"))
        .collect();
    let mut commands: Vec<String> = manager
        .map(|(_, line)| (*line).to_owned())
        .into_iter()
        .collect();
    commands.extend(rustup_commands());
    Problem {
        what: "no toolchain for eBPF can be made on this machine without help".to_owned(),
        now: now.join("; "),
        why: "the counting programs run in the kernel and need a rustc with `core` for BPF, and \
              bpf-linker"
            .to_owned(),
        commands,
    }
}

/// Way 2 by hand, which works beside every distribution.
pub(crate) fn rustup_commands() -> Vec<String> {
    vec![
        "rustup toolchain install nightly --profile minimal --component rust-src".to_owned(),
        format!(
            "cargo install bpf-linker --version {} --locked --no-default-features --features \
             llvm-$(llvm-config --version | cut -d. -f1)    # LLVM {} to {}, with its headers",
            linker::VERSION,
            linker::LLVM.start(),
            linker::LLVM.end()
        ),
        "cargo xtask setup".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refused_way_is_named_and_the_last_command_is_set_up_again() {
        let refusals = [
            Refusal {
                way: "a",
                why: "no x".into(),
            },
            Refusal {
                way: "b",
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
