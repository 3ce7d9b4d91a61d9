//! Programs that tests use. Root on Debian or Ubuntu installs them; otherwise the command to install them is
//! shown, and the tests that need them skip.

use anyhow::Result;
use mmap_trace::text::search_path;

use crate::{account::Privileges, say, tool::Tool};

/// A program, its package, and what tests use it for.
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
        why: "reads or maps files, as an option says",
    },
    Need {
        program: "sqlite3",
        package: "sqlite3",
        why: "reads or maps files, as an option says",
    },
    Need {
        program: "git",
        package: "git",
        why: "maps its packs through windows",
    },
    Need {
        program: "mkfs.xfs",
        package: "xfsprogs",
        why: "makes another file system than ext4",
    },
    Need {
        program: "mkfs.btrfs",
        package: "btrfs-progs",
        why: "makes another file system than ext4",
    },
    Need {
        program: "rsync",
        package: "rsync",
        why: "copies files by processes that talk to each other",
    },
    Need {
        program: "bwrap",
        package: "bubblewrap",
        why: "runs a program in namespaces of its own",
    },
    Need {
        program: "fio",
        package: "fio",
        why: "moves bytes in every way as it is told to",
    },
    Need {
        program: "redis-check-rdb",
        package: "redis-tools",
        why: "is Redis, which copies pages on write while it saves",
    },
    Need {
        program: "shfmt",
        package: "shfmt",
        why: "is a static program written in Go",
    },
    Need {
        program: "chromium",
        package: "chromium",
        why: "shows pages",
    },
    Need {
        program: "python3",
        package: "python3",
        why: "reads and maps files in a script",
    },
];

/// Installs missing programs, or says how to.
pub(super) fn provide(privileges: Privileges) -> Result<()> {
    let missing: Vec<&Need> = NEEDS
        .iter()
        .filter(|need| search_path::find(need.program).is_none())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let install = install(&missing);
    for Need { program, why, .. } in &missing {
        say::note(format_args!(
            "this machine lacks {program}, which {why} in tests"
        ));
    }
    if privileges == Privileges::User || search_path::find("apt-get").is_none() {
        say::note(format_args!(
            "tests that need these programs skip; to install them: sudo {}",
            install.line()
        ));
        return Ok(());
    }
    let text = format!("install for the tests: {}", install.line());
    if say::step(text, || install.capture())?.status.success() {
        return Ok(());
    }
    // The usual cause: the package lists are empty or old.
    say::step("apt-get update", || {
        Tool::new("apt-get").args(["--quiet", "update"]).capture()
    })?;
    let said = say::step("install again", || install.capture())?;
    if !said.status.success() {
        say::note(format_args!(
            "they cannot be installed, so tests that need them skip\n{}",
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
