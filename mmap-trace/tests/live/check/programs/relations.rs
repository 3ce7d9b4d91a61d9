//! The relations between counts that make a sentence of the chapter true. They are no exact numbers, because
//! versions of the programs differ.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::Subject;
use crate::{check::metric_of, tracer::Recording};

/// The traced commands of a section in its order, and the data that they worked on.
pub(super) struct Runs {
    pub(super) recordings: Vec<Recording>,
    pub(super) text_bytes: u64,
    pub(super) database_bytes: u64,
}

impl Runs {
    fn count(&self, run: usize, key: &str) -> Result<u64> {
        let recording = self.recordings.get(run).context("a command is missing")?;
        let lost = recording.losses_of("exec", |metric| metric == metric_of(key))?;
        ensure!(lost == 0, "{lost} lost of {key}");
        recording.count("exec", key)
    }

    /// The bytes that a run copied out of files.
    fn copied_out(&self, run: usize) -> Result<u64> {
        self.count(run, "copied_to_user_bytes.page_cache")
    }

    /// The bytes that a run copied into files.
    fn copied_in(&self, run: usize) -> Result<u64> {
        self.count(run, "copied_from_user_bytes.page_cache")
    }

    /// One run copies all of the data, the other no more than a program reads to start.
    fn one_copies(&self, reading: usize, mapping: usize, bytes: u64) -> Result<()> {
        let (read, mapped) = (self.copied_out(reading)?, self.copied_out(mapping)?);
        ensure!(
            bytes > 0 && read >= bytes,
            "reading copied {read} of {bytes}"
        );
        ensure!(mapped < bytes / 8, "mapping copied {mapped} of {bytes}");
        Ok(())
    }
}

pub(super) const RIPGREP: Subject = Subject {
    heading: "ripgrep, with and without a mapping",
    programs: &["rg"],
    sentences: &[
        "Without a mapping ripgrep copies the whole file; with one it copies next to nothing, and takes more faults instead.",
        "By default, it reads when it searches a directory, and maps when it is given a file.",
    ],
    unfit: None,
    relation: |runs| {
        runs.one_copies(0, 1, runs.text_bytes)?;
        runs.one_copies(2, 3, runs.text_bytes)?;
        let (read, mapped) = (runs.count(0, "faults")?, runs.count(1, "faults")?);
        ensure!(mapped > read, "{mapped} faults, and {read} when reading");
        Ok(())
    },
};

pub(super) const PYTHON: Subject = Subject {
    heading: "Python's mmap",
    programs: &["python3"],
    sentences: &[
        "`read` makes a copy of the file, in memory that has to be faulted in; `find` in a mapping looks for the bytes where they are.",
    ],
    unfit: Some(no_mmap_module),
    relation: |runs| {
        runs.one_copies(0, 1, runs.text_bytes)?;
        // The copy goes into fresh memory, so the kernel takes faults while it copies.
        let (read, mapped) = (
            runs.count(0, "faults.kernel")?,
            runs.count(1, "faults.kernel")?,
        );
        ensure!(
            read > mapped,
            "{read} faults while copying, {mapped} without"
        );
        Ok(())
    },
};

fn no_mmap_module() -> Result<Option<String>> {
    let asked = Command::new("python3")
        .args(["-c", "import mmap"])
        .output()
        .context("start python3")?;
    let reason = "python3 has no module mmap".to_owned();
    Ok((!asked.status.success()).then_some(reason))
}

/// cp, cat, dd and dd with `O_DIRECT`.
pub(super) const COREUTILS: Subject = Subject {
    heading: "cp, cat and dd",
    programs: &["cp", "cat", "dd"],
    sentences: &[
        "`cp` and `cat` of GNU coreutils 9.1 or later let the kernel copy from file to file (`copy_file_range`): the bytes never reach the program.",
        "`dd` reads every byte and writes every byte: it copies the file twice.",
        "With `iflag=direct` the first of these copies is gone, because the device writes into the buffer.",
    ],
    unfit: Some(old_coreutils),
    relation: |runs| {
        let bytes = runs.text_bytes;
        for run in [0, 1] {
            let (out, into) = (runs.copied_out(run)?, runs.copied_in(run)?);
            ensure!(
                out < bytes / 8 && into == 0,
                "{out} bytes out and {into} in"
            );
            let moved = runs.count(run, "transferred_bytes")?;
            ensure!(moved == bytes, "the kernel moved {moved} of {bytes}");
        }
        for run in [2, 3] {
            let into = runs.copied_in(run)?;
            ensure!(into == bytes, "{into} of {bytes} bytes went in");
        }
        runs.one_copies(2, 3, bytes)?;
        // dd also reads at the end of the file, perhaps through the page cache.
        let direct = runs.count(3, "direct_read_bytes")?;
        ensure!(
            direct > bytes - (64 << 10) && direct <= bytes,
            "{direct} of {bytes} bytes"
        );
        Ok(())
    },
};

/// `cp (GNU coreutils) 9.1`
fn old_coreutils() -> Result<Option<String>> {
    let version = Command::new("cp")
        .arg("--version")
        .output()
        .context("start cp")?;
    let version = String::from_utf8_lossy(&version.stdout);
    let first = version.lines().next().unwrap_or("cp of another kind");
    let version = first
        .strip_prefix("cp (GNU coreutils) ")
        .and_then(|version| {
            let (major, minor) = version.split_once('.')?;
            Some((
                major.parse::<u32>().ok()?,
                minor.split('.').next()?.parse::<u32>().ok()?,
            ))
        });
    Ok((version < Some((9, 1)))
        .then(|| format!("{first}: the chapter speaks of GNU coreutils 9.1")))
}

/// Two queries and two updates.
pub(super) const SQLITE: Subject = Subject {
    heading: "SQLite, reads only",
    programs: &["sqlite3"],
    sentences: &[
        "With `mmap_size` a query copies next to nothing out of the database; without it, everything that it looks at.",
        "An update writes with system calls in either case, and copies the same bytes into the kernel.",
    ],
    unfit: None,
    relation: |runs| {
        let bytes = runs.database_bytes;
        runs.one_copies(0, 1, bytes)?;
        let (plain, mapped) = (runs.copied_in(2)?, runs.copied_in(3)?);
        ensure!(plain >= bytes / 2, "the update wrote {plain} of {bytes}");
        ensure!(
            mapped == plain,
            "with mmap_size {mapped} bytes went in, without {plain}"
        );
        Ok(())
    },
};

pub(super) const GIT: Subject = Subject {
    heading: "git, through windows",
    programs: &["git", "split"],
    sentences: &[
        "git maps its packs through windows: small ones cost many calls of `mmap` and `munmap`, and copy no more than one large window does.",
    ],
    unfit: None,
    relation: |runs| {
        let calls = |run| runs.count(run, "syscalls.map");
        let (large, small) = (calls(0)?, calls(1)?);
        ensure!(
            small > 4 * large,
            "{small} calls with small windows, {large} with large ones"
        );
        let (large, small) = (runs.copied_out(0)?, runs.copied_out(1)?);
        ensure!(
            small == large,
            "{small} bytes with small windows, {large} with large ones"
        );
        Ok(())
    },
};
