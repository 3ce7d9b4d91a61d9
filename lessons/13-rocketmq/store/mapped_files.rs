//! A growing space of bytes in files of one length, each mapped as a whole (`MappedFileQueue`, `MappedFile`).
//!
//! A file's name is the offset of its first byte, in 20 digits.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use lessons::mapping::{Advice, Filling, MappingMut, Reserved, Sharing};
use nix::fcntl::{FallocateFlags, fallocate};

use super::life::Life;

/// Where a record is in the log.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub(crate) offset: u64,
    pub(crate) bytes: usize,
}

pub(crate) struct MappedFile {
    start: u64,
    bytes: usize,
    pub(crate) file: File,
    /// Whole pages, so it may be longer than the file.
    mapping: MappingMut,
}

impl MappedFile {
    fn open(path: &Path, start: u64, bytes: usize) -> Result<Self> {
        let context = || format!("mapping {}", path.display());
        let file = File::options().read(true).write(true).open(path);
        let file = file.with_context(context)?;
        let mapping = Reserved::new(bytes)?
            .map_mut(&file, Sharing::Shared, Filling::OnDemand)
            .with_context(context)?;
        // The product with `dataReadAheadEnable=false` does the same: each fault then brings one page.
        mapping.advise(Advice::MADV_RANDOM)?;
        Ok(MappedFile {
            start,
            bytes,
            file,
            mapping,
        })
    }

    pub(crate) fn end(&self) -> u64 {
        self.start + self.bytes as u64
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.mapping[..self.bytes]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.mapping[..self.bytes]
    }

    /// Turns an offset in the whole space into one in this file.
    pub(crate) fn place(&self, offset: u64) -> usize {
        (offset - self.start) as usize
    }

    /// Waits until every store is on the device: msync(2) of the whole mapping writes its dirty pages.
    pub(crate) fn flush(&self) -> Result<()> {
        self.mapping.flush()
    }

    /// Punching a hole clears everything in one call.
    /// With ftruncate(2) it would take two, and a crash between them would leave a shorter file.
    fn clear_from(&self, place: usize) -> Result<()> {
        let hole = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        let (start, rest) = (i64::try_from(place)?, i64::try_from(self.bytes - place)?);
        if rest > 0 {
            fallocate(&self.file, hole, start, rest)
                .context("clearing the end of a file: fallocate")?;
        }
        self.file.sync_all().context("fsync")
    }
}

/// All files, in order and without a gap.
pub(crate) struct MappedFiles {
    directory: PathBuf,
    pub(crate) file_bytes: usize,
    pub(crate) files: Vec<MappedFile>,
}

impl MappedFiles {
    /// Maps the files that exist.
    pub(crate) fn load(directory: PathBuf, file_bytes: usize) -> Result<Self> {
        fs::create_dir_all(&directory)
            .with_context(|| format!("creating {}", directory.display()))?;
        let mut files = MappedFiles {
            directory,
            file_bytes,
            files: Vec::new(),
        };
        while let path = files.path(files.end())
            && path.exists()
        {
            let bytes = fs::metadata(&path)?.len();
            if bytes == 0 {
                // The broker was killed after it had created the file and before it set its length.
                fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
                break;
            }
            ensure!(
                bytes == file_bytes as u64,
                "{} has {bytes} bytes and not {file_bytes}: it belongs to a store with other settings",
                path.display()
            );
            let start = files.end();
            files
                .files
                .push(MappedFile::open(&path, start, file_bytes)?);
        }
        Ok(files)
    }

    /// `UtilAll.offset2FileName`
    fn path(&self, start: u64) -> PathBuf {
        self.directory.join(format!("{start:020}"))
    }

    /// Adds a file of zeros; the device has no block of it yet.
    pub(crate) fn grow(&mut self, life: &mut Life) -> Result<()> {
        let start = self.end();
        let path = self.path(start);
        let context = || format!("creating {}", path.display());
        life.step();
        let file = File::create_new(&path).with_context(context)?;
        life.step();
        file.set_len(self.file_bytes as u64).with_context(context)?;
        life.step();
        self.files
            .push(MappedFile::open(&path, start, self.file_bytes)?);
        Ok(())
    }

    pub(crate) fn end(&self) -> u64 {
        self.files.last().map_or(0, MappedFile::end)
    }

    /// The file that contains this offset.
    pub(crate) fn at(&self, offset: u64) -> Option<&MappedFile> {
        self.files.get(self.index(offset))
    }

    pub(crate) fn at_mut(&mut self, offset: u64) -> Option<&mut MappedFile> {
        let index = self.index(offset);
        self.files.get_mut(index)
    }

    fn index(&self, offset: u64) -> usize {
        (offset / self.file_bytes as u64) as usize
    }

    /// A part of the mapping, not a copy, if one file contains all of it.
    pub(crate) fn slice(&self, span: Span) -> Option<&[u8]> {
        let file = self.at(span.offset)?;
        let place = file.place(span.offset);
        file.bytes().get(place..place + span.bytes)
    }

    /// Removes the files after the one with this offset, the last one first so that no crash leaves a gap.
    pub(crate) fn remove_after(&mut self, offset: u64, life: &mut Life) -> Result<()> {
        while let Some(last) = self.files.pop_if(|last| last.start > offset) {
            let path = self.path(last.start);
            life.step();
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
        Ok(())
    }

    /// Fills the rest of the file with zeros, on the device too.
    pub(crate) fn clear_from(&self, offset: u64, life: &mut Life) -> Result<()> {
        life.step();
        self.at(offset)
            .map_or(Ok(()), |file| file.clear_from(file.place(offset)))
    }
}

/// An empty vector whose memory is present, so that filling it takes no fault and no call.
pub(crate) fn present(capacity: usize) -> Vec<u8> {
    let mut bytes = vec![0xA5; capacity];
    std::hint::black_box(&mut bytes[..]);
    bytes.clear();
    bytes
}
