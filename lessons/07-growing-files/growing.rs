//! Three mappings that follow a growing file.

use std::fs::File;

use anyhow::{Context, Result};
use lessons::Scenario;
use lessons::mapping::{Filling, MappingMut, Reserved, Sharing};
use memmap2::{MmapMut, MmapOptions, RemapOptions};

/// Bytes by which a file grows at a time where it does not grow page by page.
pub(crate) const SEGMENT: usize = 1 << 20;

/// A mapping that follows the length of its file.
pub(crate) trait Growing {
    fn file(&self) -> &File;
    /// Adapts the mapping to the new length of the file.
    fn grow(&mut self, bytes: usize) -> Result<()>;
    /// The mapped bytes from an offset on, as far as they are contiguous.
    fn at(&mut self, offset: usize) -> &mut [u8];
    /// Records what is not an event in the kernel.
    fn observe(&self, _: &Scenario) {}
}

/// One mapping, which mremap(2) makes longer.
pub(crate) struct Remapped {
    file: File,
    mapping: Option<MmapMut>,
    moves: i64,
}

impl Remapped {
    pub(crate) fn new(file: File) -> Self {
        Remapped {
            file,
            mapping: None,
            moves: 0,
        }
    }
}

impl Growing for Remapped {
    fn file(&self) -> &File {
        &self.file
    }

    fn grow(&mut self, bytes: usize) -> Result<()> {
        let Some(mapping) = &mut self.mapping else {
            // SAFETY: the file belongs to this scenario, and nobody shortens it while it is mapped.
            let mapping = unsafe { MmapOptions::new().len(bytes).map_mut(&self.file) };
            self.mapping = Some(mapping.context("mmap")?);
            return Ok(());
        };
        let before = mapping.as_ptr();
        // SAFETY: as above, and no reference into the mapping exists, so it may move.
        unsafe { mapping.remap(bytes, RemapOptions::new().may_move(true)) }.context("mremap")?;
        self.moves += i64::from(mapping.as_ptr() != before);
        Ok(())
    }

    fn at(&mut self, offset: usize) -> &mut [u8] {
        self.mapping
            .as_mut()
            .map_or(&mut [], |mapping| &mut mapping[offset..])
    }

    fn observe(&self, scenario: &Scenario) {
        scenario.observe("moves", self.moves);
    }
}

/// One mapping for each segment; growing does not touch the earlier ones.
pub(crate) struct Segments {
    file: File,
    mappings: Vec<MmapMut>,
}

impl Segments {
    pub(crate) fn new(file: File, bytes: usize) -> Self {
        Segments {
            file,
            mappings: Vec::with_capacity(bytes.div_ceil(SEGMENT)),
        }
    }
}

impl Growing for Segments {
    fn file(&self) -> &File {
        &self.file
    }

    fn grow(&mut self, bytes: usize) -> Result<()> {
        let mut options = MmapOptions::new();
        options.offset((bytes - SEGMENT) as u64).len(SEGMENT);
        // SAFETY: the file belongs to this scenario, and nobody shortens it while it is mapped.
        self.mappings
            .push(unsafe { options.map_mut(&self.file) }.context("mmap")?);
        Ok(())
    }

    fn at(&mut self, offset: usize) -> &mut [u8] {
        &mut self.mappings[offset / SEGMENT][offset % SEGMENT..]
    }
}

/// A mapping over the whole range, most of it behind the end of the file.
pub(crate) struct Ahead {
    file: File,
    place: Option<Reserved>,
    mapping: Option<MappingMut>,
}

impl Ahead {
    pub(crate) fn new(file: File, bytes: usize) -> Result<Self> {
        Ok(Ahead {
            file,
            place: Some(Reserved::new(bytes)?),
            mapping: None,
        })
    }
}

impl Growing for Ahead {
    fn file(&self) -> &File {
        &self.file
    }

    /// Maps the whole range the first time, and has nothing to do after that.
    fn grow(&mut self, _: usize) -> Result<()> {
        if let Some(place) = self.place.take() {
            let mapping = place.map_mut(&self.file, Sharing::Shared, Filling::OnDemand)?;
            self.mapping = Some(mapping);
        }
        Ok(())
    }

    fn at(&mut self, offset: usize) -> &mut [u8] {
        self.mapping
            .as_mut()
            .map_or(&mut [], |mapping| &mut mapping[offset..])
    }
}
