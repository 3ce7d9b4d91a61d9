//! How the tracer gets its privileges: it has them, or sudo gives them, or it runs without and says so.

use std::{env, path::Path};

use anyhow::Result;

use crate::{
    account::{Privileges, TracerStart},
    path, say,
    tool::Tool,
};

/// Variables that decide about colour, width and the cache; sudo drops the rest of the environment.
const KEPT_BY_SUDO: &[&str] = &[
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLORTERM",
    "COLUMNS",
    "MMAP_TRACE_CACHE",
];

/// Which privileges the tracer wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wanted {
    /// Root, to count in the kernel.
    Root,
    /// Those of the account that started it.
    Own,
}

/// The command that starts the tracer, without its subcommand.
#[derive(Debug)]
pub(super) enum Started {
    /// With the privileges that it wants.
    AsAsked(Tool),
    /// Without root, because sudo is missing or refused.
    WithoutRoot(Tool),
}

/// Finds out which privileges the tracer can have; sudo may ask for a password.
pub(super) fn start(tracer: &Path, wanted: Wanted) -> Result<Started> {
    if wanted == Wanted::Own {
        return Ok(Started::AsAsked(direct(tracer)));
    }
    let refused = match Privileges::now().tracer(path::find("sudo").as_deref()) {
        TracerStart::Direct => return Ok(Started::AsAsked(direct(tracer))),
        TracerStart::ThroughSudo => {
            say::note("counting in the kernel needs root: only the tracer is started through sudo");
            let tool = through_sudo(tracer);
            // A harmless command first: sudo prints why it refuses, and its exit code could not be told
            // from the tracer's.
            if tool.clone().arg("--version").succeeds_quietly()? {
                return Ok(Started::AsAsked(tool));
            }
            "sudo refused to start the tracer"
        }
        TracerStart::Unavailable => "counting in the kernel needs root, and there is no sudo here",
    };
    say::note(refused);
    Ok(Started::WithoutRoot(direct(tracer)))
}

fn direct(tracer: &Path) -> Tool {
    // Cargo set it for this program; the tracer's lesson should not inherit it.
    Tool::new(tracer).without_env("LD_LIBRARY_PATH")
}

fn through_sudo(tracer: &Path) -> Tool {
    let kept: Vec<_> = KEPT_BY_SUDO
        .iter()
        .filter(|name| env::var_os(name).is_some())
        .copied()
        .collect();
    let sudo = Tool::new("sudo");
    let sudo = if kept.is_empty() {
        sudo
    } else {
        sudo.arg(format!("--preserve-env={}", kept.join(",")))
    };
    sudo.arg("--").arg(tracer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tracer_goes_through_sudo() {
        let line = through_sudo(Path::new("/t/mmap-trace")).line();
        assert!(
            line.starts_with("sudo ") && line.ends_with(" -- /t/mmap-trace"),
            "{line}"
        );
    }
}
