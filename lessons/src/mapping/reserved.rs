//! Reserved address space, and files mapped over it.

use std::ffi::c_void;
use std::fs::File;
use std::num::NonZeroUsize;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use anyhow::{Context, Result};
use nix::sys::mman::{MapFlags, MsFlags, ProtFlags, madvise, mmap, mmap_anonymous, msync, munmap};

use super::Advice;
use crate::page_bytes;

/// One page of page table covers 2 MiB with 4 KiB pages. A mapping that begins at such a boundary crosses
/// as few of them as possible.
const ALIGNMENT: usize = 2 << 20;

/// Who sees a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Every process that maps or reads the file.
    Shared,
    /// Only this process.
    Private,
}

/// When pages are brought into the mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filling {
    /// At the first access.
    OnDemand,
    /// All of them inside mmap(2): `MAP_POPULATE`.
    AtOnce,
}

/// Address space without memory, in which nothing else can be mapped.
pub struct Reserved {
    start: NonNull<c_void>,
    bytes: NonZeroUsize,
}

impl Reserved {
    /// Reserves whole pages, aligned to 2 MiB.
    pub fn new(bytes: usize) -> Result<Self> {
        let bytes = bytes
            .checked_next_multiple_of(page_bytes())
            .and_then(NonZeroUsize::new)
            .context("a mapping needs at least one byte")?;
        let more = bytes
            .checked_add(ALIGNMENT)
            .context("the mapping is longer than memory can address")?;
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
        let whole = unsafe { mmap_anonymous(None, more, ProtFlags::PROT_NONE, flags) }
            .with_context(|| format!("reserve {bytes} bytes of address space"))?;
        let before = whole.as_ptr().align_offset(ALIGNMENT);
        let after = ALIGNMENT - before;
        // SAFETY: `before` is less than ALIGNMENT, so both pieces lie inside what was just mapped.
        let (start, end) =
            unsafe { (whole.byte_add(before), whole.byte_add(before + bytes.get())) };
        unmap(whole, before).context("munmap before the reservation")?;
        unmap(end, after).context("munmap behind the reservation")?;
        Ok(Reserved { start, bytes })
    }

    /// Maps the beginning of the file for loads, with one call of mmap(2).
    ///
    /// The file must not become shorter while the mapping is in use: an access behind its end raises
    /// SIGBUS.
    pub fn map(self, file: &File, sharing: Sharing, filling: Filling) -> Result<Mapping> {
        self.over(file, ProtFlags::PROT_READ, sharing, filling)?;
        Ok(Mapping { reserved: self })
    }

    /// Maps the beginning of the file for loads and stores, with one call of mmap(2).
    pub fn map_mut(self, file: &File, sharing: Sharing, filling: Filling) -> Result<MappingMut> {
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        self.over(file, protection, sharing, filling)?;
        Ok(MappingMut(Mapping { reserved: self }))
    }

    /// Keeps the addresses without reserving them, so that a file can be mapped there repeatedly.
    #[must_use]
    pub fn vacate(self) -> Vacant {
        Vacant {
            start: self.start,
            bytes: self.bytes,
        }
    }

    fn over(
        &self,
        file: &File,
        protection: ProtFlags,
        sharing: Sharing,
        filling: Filling,
    ) -> Result<()> {
        let mut flags = MapFlags::MAP_FIXED;
        flags |= match sharing {
            Sharing::Shared => MapFlags::MAP_SHARED,
            Sharing::Private => MapFlags::MAP_PRIVATE,
        };
        if filling == Filling::AtOnce {
            flags |= MapFlags::MAP_POPULATE;
        }
        let address = NonZeroUsize::new(self.start.addr().get());
        // SAFETY: MAP_FIXED replaces only the reservation or what we mapped over it, and callers ensure
        // that no reference to either exists.
        unsafe { mmap(address, self.bytes, protection, flags, file, 0) }
            .with_context(|| format!("mmap({} bytes, {sharing:?})", self.bytes))?;
        Ok(())
    }
}

/// Addresses aligned to 2 MiB at which nothing is mapped unless somebody else has taken them.
pub struct Vacant {
    start: NonNull<c_void>,
    bytes: NonZeroUsize,
}

impl Vacant {
    /// Maps the beginning of the file there, shared and on demand. It takes one call of mmap(2), and one of
    /// munmap(2) when the mapping is dropped; it fails if something else has been mapped there.
    pub fn map(&self, file: &File) -> Result<Mapping> {
        let Vacant { start, bytes } = *self;
        let flags = MapFlags::MAP_SHARED | MapFlags::MAP_FIXED_NOREPLACE;
        let address = NonZeroUsize::new(start.addr().get());
        // SAFETY: MAP_FIXED_NOREPLACE replaces nothing.
        unsafe { mmap(address, bytes, ProtFlags::PROT_READ, flags, file, 0) }
            .with_context(|| format!("mmap({bytes} bytes at {start:?})"))?;
        Ok(Mapping {
            reserved: Reserved { start, bytes },
        })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // Unmapping a whole mapping of our own does not fail, and a destructor could not report it.
        let _ = unmap(self.start, self.bytes.get());
    }
}

/// A file mapped for loads; dropping it unmaps it with one call of munmap(2).
pub struct Mapping {
    reserved: Reserved,
}

impl Mapping {
    /// Tells the kernel how the whole mapping will be used.
    pub fn advise(&self, advice: Advice) -> Result<()> {
        let Reserved { start, bytes } = &self.reserved;
        // SAFETY: the range is exactly this mapping. Advice may drop what a private store left there, but
        // the memory stays valid.
        unsafe { madvise(*start, bytes.get(), advice) }
            .with_context(|| format!("madvise({advice:?})"))
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let start = self.reserved.start.cast().as_ptr();
        // SAFETY: mapped readable in its whole length until drop. The file is in the lesson's own
        // directory, and the lesson does not shorten it while the mapping is in use.
        unsafe { std::slice::from_raw_parts(start, self.reserved.bytes.get()) }
    }
}

/// A file mapped for loads and stores; dropping it unmaps it.
pub struct MappingMut(Mapping);

impl MappingMut {
    /// Tells the kernel how the whole mapping will be used.
    pub fn advise(&self, advice: Advice) -> Result<()> {
        self.0.advise(advice)
    }

    /// Maps the beginning of the file again at the same addresses, on demand, with one call of mmap(2).
    ///
    /// A private mapping loses its own pages and shows the file again.
    pub fn map_again(&mut self, file: &File, sharing: Sharing) -> Result<()> {
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // `&mut self` excludes other references into the mapping, so it may be replaced.
        let reserved = &self.0.reserved;
        reserved.over(file, protection, sharing, Filling::OnDemand)
    }

    /// Waits until everything stored so far is on the device, with msync(2) and `MS_SYNC`.
    pub fn flush(&self) -> Result<()> {
        self.sync(MsFlags::MS_SYNC)
    }

    /// Calls msync(2) with `MS_ASYNC`, which starts nothing on Linux.
    pub fn flush_async(&self) -> Result<()> {
        self.sync(MsFlags::MS_ASYNC)
    }

    fn sync(&self, flags: MsFlags) -> Result<()> {
        let Reserved { start, bytes } = &self.0.reserved;
        // SAFETY: the range is exactly this mapping, and msync changes nothing in it.
        unsafe { msync(*start, bytes.get(), flags) }.context("msync")
    }
}

impl Deref for MappingMut {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for MappingMut {
    fn deref_mut(&mut self) -> &mut [u8] {
        let Reserved { start, bytes } = &mut self.0.reserved;
        // SAFETY: as for loads, and mapped writable; this is the only reference that this process makes.
        unsafe { std::slice::from_raw_parts_mut(start.cast().as_ptr(), bytes.get()) }
    }
}

fn unmap(start: NonNull<c_void>, bytes: usize) -> nix::Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    // SAFETY: callers pass a piece of their own mapping to which no reference exists.
    unsafe { munmap(start, bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Pieces, create};
    use crate::mapping::{store_each_page, sum};

    #[test]
    fn mappings_are_aligned_whatever_their_length() {
        let held: Vec<Reserved> = [
            1,
            page_bytes(),
            5 * page_bytes(),
            ALIGNMENT,
            3 * ALIGNMENT + 1,
        ]
        .into_iter()
        .map(|bytes| Reserved::new(bytes).expect("address space"))
        .collect();
        for reserved in &held {
            assert!(reserved.start.addr().get().is_multiple_of(ALIGNMENT));
            assert!(reserved.bytes.get().is_multiple_of(page_bytes()));
        }
        assert!(Reserved::new(0).is_err());
        assert!(Reserved::new(usize::MAX).is_err());
    }

    #[test]
    fn a_shared_store_reaches_the_file_and_a_private_one_does_not() {
        let directory = crate::work_directory::fresh(None).expect("a disk");
        let path = directory.path().join("data");
        let bytes = 4 * page_bytes();
        let file = create(&path, bytes, Pieces::of(4096)).expect("room");
        let before = std::fs::read(&path).expect("readable");

        let map = |sharing| {
            let reserved = Reserved::new(bytes).expect("address space");
            reserved
                .map_mut(&file, sharing, Filling::OnDemand)
                .expect("mappable")
        };
        let mut private = map(Sharing::Private);
        store_each_page(&mut private, 0xEE);
        assert_eq!(std::fs::read(&path).expect("readable"), before);

        let mut shared = map(Sharing::Shared);
        store_each_page(&mut shared, 0xEE);
        shared.flush().expect("a file");
        let after = std::fs::read(&path).expect("readable");
        assert_eq!(sum(&after), sum(&private));
        assert_ne!(after, before);
    }

    #[test]
    fn a_private_mapping_made_again_shows_the_file_at_the_same_place() {
        let directory = crate::work_directory::fresh(None).expect("a disk");
        let path = directory.path().join("data");
        let bytes = 2 * page_bytes();
        let file = create(&path, bytes, Pieces::of(4096)).expect("room");
        let place = Reserved::new(bytes).expect("address space");
        let mut private = place
            .map_mut(&file, Sharing::Private, Filling::OnDemand)
            .expect("mappable");
        let start = private.as_ptr();
        store_each_page(&mut private, 0xEE);
        private
            .map_again(&file, Sharing::Private)
            .expect("our own addresses");
        assert_eq!(private.as_ptr(), start);
        assert_eq!(&private[..], &std::fs::read(&path).expect("readable")[..]);
    }

    #[test]
    fn a_mapping_shows_the_file() {
        let directory = crate::work_directory::fresh(None).expect("a disk");
        let path = directory.path().join("data");
        let file = create(&path, 3 * page_bytes(), Pieces::of(4096)).expect("room");
        for filling in [Filling::OnDemand, Filling::AtOnce] {
            let reserved = Reserved::new(3 * page_bytes()).expect("address space");
            let mapping = reserved
                .map(&file, Sharing::Shared, filling)
                .expect("mappable");
            mapping.advise(Advice::MADV_RANDOM).expect("a mapping");
            assert_eq!(&mapping[..], &std::fs::read(&path).expect("readable")[..]);
        }
    }
}
