//! The files of the journal: sections one after another, and `lsn`, which says which of them are needed.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use lessons::memory::touched_buffer;

use super::section::UNIT_BYTES;

/// A journal file begins with this and eight bytes of id, padded to a whole unit.
const MAGIC: &[u8; 8] = b"j\nsmall\n";
/// `LSNFile` of `dur_journalimpl.h`: version, reserved, number, its complement, reserved.
const LSN_BYTES: usize = 88;

/// The file that sections are appended to.
pub(super) struct Journal {
    pub(super) directory: PathBuf,
    number: u64,
    pub(super) file_id: u64,
    file: File,
    /// Bytes written to all journal files since the store was opened.
    pub(super) written_bytes: u64,
}

impl Journal {
    /// Begins a journal file. No earlier file may have had this id, because sections carry it.
    pub(super) fn begin(directory: &Path, number: u64, file_id: u64) -> Result<Self> {
        let path = directory.join(format!("j._{number}"));
        let context = || format!("beginning {}", path.display());
        let mut file = open_direct(&path).with_context(context)?;
        let mut header = touched_buffer(UNIT_BYTES)?;
        header.fill(0);
        header[..8].copy_from_slice(MAGIC);
        header[8..16].copy_from_slice(&file_id.to_le_bytes());
        file.write_all(&header).with_context(context)?;
        file.sync_all().with_context(context)?;
        Ok(Journal {
            directory: directory.to_owned(),
            number,
            file_id,
            file,
            written_bytes: UNIT_BYTES as u64,
        })
    }

    /// Appends a section, and returns when it is on the device.
    pub(super) fn append(&mut self, section: &[u8]) -> Result<()> {
        let written = self.file.write_all(section);
        written.context("writing the journal")?;
        self.written_bytes += section.len() as u64;
        self.file.sync_data().context("fdatasync(journal)")
    }

    /// Continues in a new file and removes the old ones, whose sections are no longer needed.
    pub(super) fn begin_anew(&mut self, file_id: u64) -> Result<()> {
        let next = Journal::begin(&self.directory, self.number + 1, file_id)?;
        let written_bytes = self.written_bytes + next.written_bytes;
        *self = Journal {
            written_bytes,
            ..next
        };
        for (number, path) in list(&self.directory)? {
            if number < self.number {
                remove(&path)?;
            }
        }
        Ok(())
    }
}

/// A journal file that an earlier process left, read into memory.
pub(super) struct FoundJournal {
    path: PathBuf,
    pub(super) file_id: u64,
    pub(super) sections: Vec<u8>,
}

impl FoundJournal {
    /// Reads all journal files, oldest first.
    pub(super) fn all(directory: &Path) -> Result<Vec<Self>> {
        let files = list(directory)?.into_iter();
        files.map(|(_, path)| Self::read(path)).collect()
    }

    /// Reads one file, which has no sections if its header is incomplete.
    fn read(path: PathBuf) -> Result<Self> {
        let context = || format!("reading {}", path.display());
        let mut bytes = Vec::new();
        let mut file = File::open(&path).with_context(context)?;
        file.read_to_end(&mut bytes).with_context(context)?;
        let (mut file_id, mut sections) = (0, Vec::new());
        if bytes.len() >= UNIT_BYTES && bytes.starts_with(MAGIC) {
            file_id = u64::from_le_bytes(bytes[8..16].try_into()?);
            sections = bytes.split_off(UNIT_BYTES);
        }
        Ok(FoundJournal {
            path,
            file_id,
            sections,
        })
    }

    pub(super) fn remove(&self) -> Result<()> {
        remove(&self.path)
    }
}

/// Reads the number that [`write_lsn`] noted.
///
/// Returns 0 if it was never written, or not completely: then every section is needed.
pub(super) fn read_lsn(directory: &Path) -> Result<u64> {
    let bytes = match fs::read(directory.join("lsn")) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        other => other.context("reading lsn")?,
    };
    let field = |at: usize| {
        let bytes = bytes.get(at..at + 8)?.try_into().ok()?;
        Some(u64::from_le_bytes(bytes))
    };
    let intact = field(8).filter(|number| field(16) == Some(!number));
    Ok(intact.unwrap_or(0))
}

/// Notes the last group that is in the data files and on the device.
pub(super) fn write_lsn(directory: &Path, number: u64) -> Result<()> {
    let mut bytes = [0; LSN_BYTES];
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    bytes[16..24].copy_from_slice(&(!number).to_le_bytes());
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let file = options.open(directory.join("lsn")).context("opening lsn")?;
    file.write_all_at(&bytes, 0).context("writing lsn")?;
    file.sync_all().context("fsync(lsn)")
}

/// Lists number and path of each journal file, in order.
fn list(directory: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let entries = fs::read_dir(directory).context("reading the journal's directory")?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.context("reading the journal's directory")?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_prefix("j._")?.parse().ok());
        files.extend(number.map(|number| (number, path)));
    }
    files.sort_unstable();
    Ok(files)
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).with_context(|| format!("removing {}", path.display()))
}

/// Opens with `O_DIRECT`, or without it where the file system has none, as `logfile.cpp` does.
fn open_direct(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    match options.clone().custom_flags(libc::O_DIRECT).open(path) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => options.open(path),
        other => other,
    }
}
