//! A space of bytes that grows without end, in files of one length (`MappedFileQueue`, `MappedFile`).
//!
//! A file's name is the offset at which it begins, in 20 digits. Each is mapped as a whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use lessons::mapping::{Advice, Filling, MappingMut, Reserved, Sharing};
use nix::fcntl::{FallocateFlags, fallocate};

use super::life::Life;

/// One file, and its mapping.
pub(crate) struct Segment {
    pub(crate) start: u64,
    bytes: usize,
    pub(crate) file: File,
    /// In whole pages, so it may be longer than the file.
    mapping: MappingMut,
}

impl Segment {
    fn open(path: &Path, start: u64, bytes: usize) -> Result<Self> {
        let context = || format!("mapping {}", path.display());
        let file = File::options().read(true).write(true).open(path);
        let file = file.with_context(context)?;
        let place = Reserved::new(bytes)?;
        let mapping = place
            .map_mut(&file, Sharing::Shared, Filling::OnDemand)
            .with_context(context)?;
        // As the product with `dataReadAheadEnable=false`: one fault then brings one page.
        mapping.advise(Advice::MADV_RANDOM)?;
        Ok(Segment {
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

    /// Where in this file an offset is.
    pub(crate) fn place(&self, offset: u64) -> usize {
        (offset - self.start) as usize
    }

    /// Waits until all that was stored is on the device: msync(2) of the whole mapping, of which the kernel
    /// writes what is dirty.
    pub(crate) fn flush(&self) -> Result<()> {
        self.mapping.flush()
    }

    /// Makes zeros of everything from here on, in one call: with two of ftruncate(2), a crash between them
    /// would leave a file of another length.
    fn clear_from(&self, offset: u64) -> Result<()> {
        let hole = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        let place = self.place(offset);
        let rest = self.bytes - place;
        if rest > 0 {
            fallocate(
                &self.file,
                hole,
                i64::try_from(place)?,
                i64::try_from(rest)?,
            )
            .context("clearing the end of a file: fallocate")?;
        }
        self.file.sync_all().context("fsync")
    }
}

/// All files, in order.
pub(crate) struct Segments {
    directory: PathBuf,
    pub(crate) file_bytes: usize,
    pub(crate) files: Vec<Segment>,
}

impl Segments {
    /// Maps what is there.
    pub(crate) fn load(directory: PathBuf, file_bytes: usize) -> Result<Self> {
        let context = || format!("reading {}", directory.display());
        fs::create_dir_all(&directory).with_context(context)?;
        let mut starts = Vec::new();
        for entry in fs::read_dir(&directory).with_context(context)? {
            let name = entry.with_context(context)?.file_name();
            let start = name.to_str().and_then(|name| name.parse::<u64>().ok());
            starts.push(start.with_context(|| format!("{} is no offset", name.display()))?);
        }
        starts.sort_unstable();
        let mut segments = Segments {
            directory,
            file_bytes,
            files: Vec::with_capacity(starts.len()),
        };
        for (place, start) in starts.iter().enumerate() {
            segments.find(*start, place + 1 == starts.len())?;
        }
        Ok(segments)
    }

    /// Between the creation of a file and its growth there is a moment at which it is empty.
    fn find(&mut self, start: u64, is_last: bool) -> Result<()> {
        let path = self.path(start);
        let bytes = fs::metadata(&path)?.len();
        if bytes == 0 && is_last {
            return fs::remove_file(&path).with_context(|| format!("removing {}", path.display()));
        }
        ensure!(
            bytes == self.file_bytes as u64,
            "{} has {bytes} bytes and not {}: it belongs to a store with other settings, or somebody \
             has changed it",
            path.display(),
            self.file_bytes
        );
        self.files
            .push(Segment::open(&path, start, self.file_bytes)?);
        Ok(())
    }

    /// `UtilAll.offset2FileName`
    fn path(&self, start: u64) -> PathBuf {
        self.directory.join(format!("{start:020}"))
    }

    /// Adds a file of zeros at the end. No block of the device belongs to it yet.
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
            .push(Segment::open(&path, start, self.file_bytes)?);
        Ok(())
    }

    pub(crate) fn start(&self) -> u64 {
        self.files.first().map_or(0, |first| first.start)
    }

    pub(crate) fn end(&self) -> u64 {
        self.files.last().map_or(0, Segment::end)
    }

    /// The file that has this offset.
    pub(crate) fn at(&self, offset: u64) -> Option<&Segment> {
        self.files.get(self.number(offset)?)
    }

    pub(crate) fn at_mut(&mut self, offset: u64) -> Option<&mut Segment> {
        let number = self.number(offset)?;
        self.files.get_mut(number)
    }

    fn number(&self, offset: u64) -> Option<usize> {
        let distance = offset.checked_sub(self.start())?;
        usize::try_from(distance / self.file_bytes as u64).ok()
    }

    /// So many bytes at this offset, if one file has them all.
    pub(crate) fn slice(&self, offset: u64, bytes: usize) -> Option<&[u8]> {
        let segment = self.at(offset)?;
        let place = segment.place(offset);
        segment.bytes().get(place..place + bytes)
    }

    /// Removes the files behind the one that has this offset, the last one first, so that no crash leaves a gap.
    pub(crate) fn remove_behind(&mut self, offset: u64, life: &mut Life) -> Result<()> {
        while let Some(last) = self.files.pop_if(|last| last.start > offset) {
            let path = self.path(last.start);
            life.step();
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
        Ok(())
    }

    /// Makes zeros of everything from here to the end of the file.
    pub(crate) fn clear_from(&self, offset: u64, life: &mut Life) -> Result<()> {
        life.step();
        self.at(offset)
            .map_or(Ok(()), |segment| segment.clear_from(offset))
    }
}
