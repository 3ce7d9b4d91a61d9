//! Small scripts that let aya-build use the unpacked toolchain as if rustup had brought it.
//!
//! aya-build calls `rustup run TOOLCHAIN cargo …`; with `bin` first on `PATH`, these scripts answer. They
//! find everything relative to themselves, because a cache may be moved or copied to another machine.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use fs_err as fs;

use crate::tool::Tool;

const HEAD: &str = "#!/bin/sh
# Written by `cargo xtask setup`.
set -eu
here=$(cd \"${0%/*}\" && pwd)
";

/// Cargo accepts one crate in `RUSTC_BOOTSTRAP`, not a list; the compiler gets both crates that use an
/// unstable feature ([`WRAPPED`]). Quiet, because aya-build turns each line into a warning.
const RUSTUP: &str =
    "# Stands in for `rustup run TOOLCHAIN PROGRAM …` while the eBPF object is built.
if [ \"${1-}\" != run ] || [ $# -lt 3 ]; then
    echo 'this rustup only knows: run TOOLCHAIN PROGRAM …' >&2
    exit 2
fi
shift 2
program=$1
shift
export RUSTC=\"$here/rustc\" RUSTC_BOOTSTRAP=aya_ebpf CARGO_TERM_QUIET=true PATH=\"$here:$PATH\"
case $program in
cargo) exec \"${CARGO:-cargo}\" \"$@\" ;;
*) exec \"$program\" \"$@\" ;;
esac
";

/// The scripts, the programs behind them below the toolchain's folder, and the variables they get.
const WRAPPED: &[(&str, &str, &str)] = &[
    (
        "rustc",
        "root/usr/bin/rustc",
        // Both crates hold BPF instructions (`asm_experimental_arch`).
        "export RUSTC_BOOTSTRAP=aya_ebpf,mmap_trace_ebpf\n",
    ),
    ("bpf-linker", "linker/bin/bpf-linker", ""),
];

/// Writes `bin/` of the `toolchain`, whose packages lie in `root/` and whose linker lies in `linker/`.
pub(crate) fn write(toolchain: &Path) -> Result<()> {
    let bin = toolchain.join("bin");
    fs::create_dir_all(&bin)?;
    script(&bin.join("rustup"), RUSTUP)?;
    let libraries = libraries_below(&toolchain.join("root"))
        .iter()
        .filter_map(|dir| dir.strip_prefix(toolchain).ok())
        .map(|dir| format!("$here/../{}", dir.display()))
        .collect::<Vec<_>>()
        .join(":");
    for (name, behind, variables) in WRAPPED {
        let text = format!(
            "{variables}export LD_LIBRARY_PATH=\"{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\n\
             exec \"$here/../{behind}\" \"$@\"\n"
        );
        script(&bin.join(name), &text)?;
    }
    Ok(())
}

/// Whether every script and the program behind it are there.
pub(crate) fn complete(toolchain: &Path) -> bool {
    toolchain.join("bin/rustup").is_file()
        && WRAPPED.iter().all(|(name, behind, _)| {
            toolchain.join("bin").join(name).is_file() && toolchain.join(behind).is_file()
        })
}

/// Whether the linker starts: it loads every library that rustc needs.
pub(crate) fn start(toolchain: &Path) -> bool {
    let said = Tool::new(toolchain.join("bin/bpf-linker"))
        .arg("--version")
        .capture();
    said.is_ok_and(|said| said.status.success())
}

/// Where unpacked packages keep shared libraries: `usr/lib`, `lib`, and the architecture's folder
/// in each.
pub(crate) fn libraries_below(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for lib in [root.join("usr/lib"), root.join("lib")] {
        let Ok(entries) = fs::read_dir(&lib) else {
            continue;
        };
        let dirs = entries.flatten().map(|entry| entry.path());
        found.extend(dirs.filter(|dir| {
            dir.is_dir()
                && dir
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().contains("-linux-gnu"))
        }));
        found.push(lib);
    }
    found
}

fn script(path: &Path, body: &str) -> Result<()> {
    fs::write(path, format!("{HEAD}{body}"))?;
    fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
        .with_context(|| format!("set_permissions({})", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A toolchain whose programs print their environment and arguments.
    fn toolchain(dir: &Path) -> PathBuf {
        let toolchain = dir.join("a toolchain");
        for (_, behind, _) in WRAPPED {
            let program = toolchain.join(behind);
            fs::create_dir_all(program.parent().unwrap()).unwrap();
            script(&program, "echo \"$LD_LIBRARY_PATH\" \"$@\"\n").unwrap();
        }
        fs::create_dir_all(toolchain.join("root/usr/lib/x86_64-linux-gnu")).unwrap();
        write(&toolchain).unwrap();
        toolchain
    }

    #[test]
    fn the_scripts_work_after_a_move_to_a_folder_with_a_space() {
        let dir = tempfile::tempdir().unwrap();
        let moved = dir.path().join("moved here");
        fs::rename(toolchain(dir.path()), &moved).unwrap();
        assert!(complete(&moved));
        let said = Tool::new(moved.join("bin/rustc"))
            .arg("-vV")
            .capture()
            .unwrap()
            .require()
            .unwrap();
        assert!(
            said.contains("moved here/bin/../root/usr/lib/x86_64-linux-gnu:"),
            "{said}"
        );
        assert!(said.trim_end().ends_with(" -vV"), "{said}");
    }

    #[test]
    fn any_toolchain_name_leads_to_the_programs_beside_the_script() {
        let dir = tempfile::tempdir().unwrap();
        let rustup = toolchain(dir.path()).join("bin/rustup");
        let run = Tool::new(rustup).args(["run", "nightly", "rustc", "--version"]);
        let said = run.capture().unwrap().require().unwrap();
        assert!(
            said.contains("root/usr/lib") && said.contains("--version"),
            "{said}"
        );
    }

    #[test]
    fn a_toolchain_without_its_programs_is_not_complete() {
        let dir = tempfile::tempdir().unwrap();
        let toolchain = toolchain(dir.path());
        fs::remove_file(toolchain.join("root/usr/bin/rustc")).unwrap();
        assert!(!complete(&toolchain));
    }
}
