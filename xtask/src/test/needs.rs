//! Programs that tests compare with. They are installed when this is root on Debian or Ubuntu; where
//! they cannot be, the command is shown and the tests that need them skip.

use anyhow::Result;

use crate::{account::Standing, path, say, tool::Tool};

/// A program, the package that brings it, and which tests need it.
#[derive(Debug)]
struct Need {
    program: &'static str,
    package: &'static str,
    why: &'static str,
}

const NEEDS: &[Need] = &[
    Need {
        program: "strace",
        package: "strace",
        why: "counts system calls to compare with",
    },
    Need {
        program: "perf",
        package: "linux-perf",
        why: "counts page faults to compare with",
    },
    Need {
        program: "sudo",
        package: "sudo",
        why: "starts the tracer for an ordinary user",
    },
    Need {
        program: "tmux",
        package: "tmux",
        why: "shows the output on a terminal of 80 columns",
    },
    Need {
        program: "rg",
        package: "ripgrep",
        why: "reads or maps, as it is told",
    },
    Need {
        program: "sqlite3",
        package: "sqlite3",
        why: "reads or maps, as it is told",
    },
    Need {
        program: "git",
        package: "git",
        why: "maps its packs through windows",
    },
    Need {
        program: "python3",
        package: "python3",
        why: "has reading and mapping at hand",
    },
];

/// Installs what is missing, or says how.
pub(crate) fn provide(standing: Standing) -> Result<()> {
    let missing: Vec<&Need> = NEEDS
        .iter()
        .filter(|need| path::find(need.program).is_none())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let install = install(&missing);
    for Need { program, why, .. } in &missing {
        say::note(format_args!(
            "tests use {program}, which is missing here: it {why}"
        ));
    }
    if standing == Standing::User || path::find("apt-get").is_none() {
        say::note(format_args!(
            "the tests that need them skip; to run them: sudo {}",
            install.line()
        ));
        return Ok(());
    }
    let text = format!("install for the tests: {}", install.line());
    if say::step(text, || install.capture())?.status.success() {
        return Ok(());
    }
    // Most often the lists are empty or old.
    say::step("apt-get update", || {
        Tool::new("apt-get").args(["--quiet", "update"]).capture()
    })?;
    let said = say::step("the same once more", || install.capture())?;
    if !said.status.success() {
        say::note(format_args!(
            "cannot be installed; the tests that need them skip\n{}",
            said.tail()
        ));
    }
    Ok(())
}

fn install(missing: &[&Need]) -> Tool {
    Tool::new("apt-get")
        .args(["install", "--yes", "--no-install-recommends"])
        .args(missing.iter().map(|need| need.package))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_missing_packages_are_asked_for() {
        let line = install(&[&NEEDS[1]]).line();
        assert_eq!(
            line,
            "apt-get install --yes --no-install-recommends linux-perf"
        );
    }
}
