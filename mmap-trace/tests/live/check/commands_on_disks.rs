//! Commands that write on other disks than ext4, held against what they were asked to write.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::{
    disk::{BTRFS, COMPRESSED, Disk, Kind, XFS, pages_of},
    harness::{Outcome, Test},
    tracer::{self, Recording},
};

pub(super) const TESTS: &[Test] = &[
    (
        "on xfs what a command writes is counted to the page",
        || written_on(&XFS),
    ),
    (
        "on btrfs what a command writes is counted to the page",
        || written_on(&BTRFS),
    ),
    (
        "on btrfs what a command writes is counted to the page before it is compressed",
        || written_on(&COMPRESSED),
    ),
    (
        "pages dirtied on another file system than the watched one are written or declared lost",
        elsewhere,
    ),
];

/// What dd is asked to do, and how many bytes it then writes.
struct Writing {
    options: &'static str,
    bytes: u64,
}

const WRITINGS: &[Writing] = &[
    Writing {
        options: "if=/dev/zero bs=1M count=16 conv=fsync",
        bytes: 16 << 20,
    },
    Writing {
        options: "if=/dev/urandom bs=1M count=3 conv=fsync",
        bytes: 3 << 20,
    },
    // btrfs keeps such a file in its metadata.
    Writing {
        options: "if=/dev/zero bs=1000 count=1 conv=fsync",
        bytes: 1000,
    },
    Writing {
        options: "if=/dev/urandom bs=5000 count=1 conv=fsync",
        bytes: 5000,
    },
    Writing {
        options: "if=/dev/zero bs=4096 seek=3 count=1 conv=fsync",
        bytes: 4096,
    },
];

/// Runs dd, which writes a file in the directory `into`.
fn dd(into: &Path, work_directory: &Path, options: &str) -> Result<Recording> {
    let into = into.join("written");
    let _ = std::fs::remove_file(&into);
    let script = format!("exec dd status=none of={} {options}", into.display());
    let command = ["sh", "-c", &script].map(str::to_owned);
    let work_directory = work_directory.to_string_lossy();
    tracer::exec(&["--work-dir", &work_directory], &command)?.expect()
}

fn written_on(kind: &Kind) -> Result<Outcome> {
    let disk = match Disk::of(kind)? {
        Ok(disk) => disk,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    for writing in WRITINGS {
        let recording = dd(&disk.path(), &disk.path(), writing.options)?;
        let count = |key: &str| recording.count("exec", key);
        let pages = pages_of(writing.bytes);
        let counted = (
            count("copied_from_user_bytes.page_cache")?,
            count("pages_dirtied")?,
            count("pages_written")?,
        );
        ensure!(
            counted == (writing.bytes, pages, pages),
            "{}: {counted:?} instead of {} bytes and {pages} pages",
            writing.options,
            writing.bytes
        );
    }
    direct(&disk)
}

/// Some kernels carry out O_DIRECT of btrfs by copying; the bytes are then those of a copy.
fn direct(disk: &Disk) -> Result<Outcome> {
    let options = "if=/dev/zero bs=1M count=4 oflag=direct,sync";
    let recording = dd(&disk.path(), &disk.path(), options)?;
    let count = |key: &str| recording.count("exec", key);
    let copied = count("copied_from_user_bytes.page_cache")?;
    let moved = count("direct_written_bytes")?;
    ensure!(
        [(4 << 20, 0), (0, 4 << 20)].contains(&(copied, moved)),
        "{copied} bytes copied, {moved} not"
    );
    let pages = (count("pages_dirtied")?, count("pages_written")?);
    ensure!(
        pages == (pages_of(copied), pages_of(copied)),
        "{pages:?} for {copied} bytes"
    );
    Ok(Outcome::Passed)
}

fn elsewhere() -> Result<Outcome> {
    let disk = match Disk::of(&XFS)? {
        Ok(disk) => disk,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    let other = tracer::open_directory()?;
    let pages = pages_of(1 << 20);
    for (into, work_directory) in [
        (disk.path(), other.path().to_path_buf()),
        (other.path().to_path_buf(), disk.path()),
    ] {
        let options = "if=/dev/zero bs=1M count=1 conv=fsync";
        let recording = dd(&into, &work_directory, options)?;
        let written = recording.count("exec", "pages_written")?;
        let lost = recording.0["losses"]["unwatched_pages"]
            .as_u64()
            .context("no such loss")?;
        ensure!(
            [(pages, 0), (0, pages)].contains(&(written, lost)),
            "{written} pages written, {lost} lost"
        );
    }
    Ok(Outcome::Passed)
}
