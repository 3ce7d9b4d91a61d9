//! Memory that a process shares with the processes it forks, so that children can report back and
//! processes can wait for each other.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::ptr::NonNull;

use anyhow::{Context, Result};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// A value that every process forked from now on shares instead of copying it (`MAP_SHARED`).
///
/// It should consist of atomics: what a `Box` or a `Vec` in it points to is private to each process.
pub struct Shared<T: Sync> {
    place: NonNull<T>,
}

impl<T: Default + Sync> Shared<T> {
    /// Places the type's default in memory that is present: an access takes no fault before a fork, and at
    /// most one for each page after it.
    pub fn new() -> Result<Self> {
        let length =
            NonZeroUsize::new(size_of::<T>()).context("a type without bytes cannot be shared")?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
        let memory = unsafe { mmap_anonymous(None, length, protection, flags) }
            .with_context(|| format!("mmap(shared, {length} bytes)"))?;
        let place = memory.cast::<T>();
        // SAFETY: just mapped, writable, as long as T, and aligned to a page.
        unsafe { place.write(T::default()) };
        Ok(Shared { place })
    }
}

impl<T: Sync> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: written in `new` and mapped until drop. Other processes change it only in the way other
        // threads might, which a `Sync` type allows.
        unsafe { self.place.as_ref() }
    }
}

impl<T: Sync> Drop for Shared<T> {
    fn drop(&mut self) {
        let place: NonNull<c_void> = self.place.cast();
        // SAFETY: exactly what `new` mapped. The value's own destructor never runs, because no process
        // knows that it is the last.
        let _ = unsafe { munmap(place, size_of::<T>()) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering::Relaxed;

    use nix::sys::wait::waitpid;
    use nix::unistd::{ForkResult, fork};

    use super::*;

    #[test]
    fn the_parent_sees_what_a_child_stores() {
        let shared = Shared::<[AtomicU64; 2]>::new().expect("memory");
        // SAFETY: the child stores into the shared memory and ends, without running anything else.
        match unsafe { fork() }.expect("fork") {
            ForkResult::Child => {
                shared[1].store(7, Relaxed);
                // SAFETY: ends the process without the test's exit handlers.
                unsafe { libc::_exit(0) }
            }
            ForkResult::Parent { child } => {
                waitpid(child, None).expect("our child");
                assert_eq!(shared[0].load(Relaxed), 0);
                assert_eq!(shared[1].load(Relaxed), 7);
            }
        }
    }
}
