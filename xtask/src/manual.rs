//! `cargo xtask man`: manual pages of the tracer and of this program, one for each subcommand.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::{Command, CommandFactory as _, builder::Resettable};
use clap_mangen::{
    Man,
    roff::{Roff, roman},
};
use fs_err as fs;
use mmap_trace::cli::Cli;

use crate::{cli, say, workspace};

/// Writes the pages into `folder`, by default below the target directory.
pub(crate) fn write(folder: Option<PathBuf>) -> Result<ExitCode> {
    let folder = match folder {
        Some(folder) => folder,
        None => workspace::target_dir()?.join("man"),
    };
    fs::create_dir_all(&folder)?;
    let mut pages = 0;
    for command in [Cli::command(), cli::command().display_name("cargo-xtask")] {
        let mut command = command.disable_help_subcommand(true);
        command.build();
        pages += write_all(&command, &folder)?;
    }
    let folder = folder.display();
    say::note(format_args!(
        "{pages} pages are in {folder}; for example: man {folder}/mmap-trace-run.1"
    ));
    Ok(ExitCode::SUCCESS)
}

/// Writes the pages of a command and of its subcommands, and returns their number.
fn write_all(command: &Command, folder: &Path) -> Result<usize> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    fs::write(folder.join(format!("{name}.1")), page(command)?)?;
    let subcommands = command.get_subcommands().filter(|it| !it.is_hide_set());
    subcommands
        .map(|it| write_all(it, folder))
        .sum::<Result<usize>>()
        .map(|below| below + 1)
}

/// The page of one command. What stands below the options is preformatted, and stays so.
fn page(command: &Command) -> Result<Vec<u8>> {
    let below = command.get_after_long_help().map(ToString::to_string);
    let man = Man::new(command.clone().after_long_help(Resettable::Reset));
    let mut page = Vec::new();
    man.render(&mut page)
        .context("cannot write a manual page")?;
    if let Some(below) = below {
        let mut roff = Roff::new();
        roff.control("SH", ["EXAMPLES AND EXIT CODES"]);
        roff.control("nf", []);
        for line in below.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
        roff.to_writer(&mut page)
            .context("cannot write a manual page")?;
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    #[test]
    fn every_subcommand_has_a_page_that_groff_accepts() {
        let folder = tempfile::tempdir().unwrap();
        write(Some(folder.path().to_owned())).unwrap();
        for name in [
            "mmap-trace",
            "mmap-trace-run",
            "mmap-trace-exec",
            "cargo-xtask",
            "cargo-xtask-run",
        ] {
            let page = folder.path().join(format!("{name}.1"));
            let text = fs::read_to_string(&page).unwrap();
            assert!(text.contains(".SH SYNOPSIS"), "{text}");
            let groff = process::Command::new("groff")
                .args(["-man", "-Tutf8", "-ww"])
                .arg(&page)
                .output();
            if let Ok(groff) = groff {
                assert!(
                    groff.status.success() && groff.stderr.is_empty(),
                    "{name}: {groff:?}"
                );
            }
        }
    }
}
