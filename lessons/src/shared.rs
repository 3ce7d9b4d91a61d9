//! Memory that a process and those it forks have in common: for what children report back, and for
//! processes that wait for each other.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::ptr::NonNull;

use anyhow::{Context, Result};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// A value that every process forked from now on sees, and not a copy of it: `MAP_SHARED`.
///
/// It should be made of atomics; what it points to (a `Box`, a `Vec`) would be every process's own.
pub struct Shared<T: Sync> {
    place: NonNull<T>,
}

impl<T: Default + Sync> Shared<T> {
    /// The type's default, in memory that is present: looking at it takes no fault before a fork, and
    /// at most one after.
    pub fn new() -> Result<Self> {
        let length = NonZeroUsize::new(size_of::<T>())
            .context("nothing to share in a type without bytes")?;
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
        // SAFETY: written in `new` and mapped until drop. Other processes change it only as other threads
        // might, which a `Sync` type allows.
        unsafe { self.place.as_ref() }
    }
}

impl<T: Sync> Drop for Shared<T> {
    fn drop(&mut self) {
        let place: NonNull<c_void> = self.place.cast();
        // SAFETY: exactly what `new` mapped; the value's own destructor is left to the process that dies
        // last, which is nobody.
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
    fn what_a_child_stores_the_parent_sees() {
        let shared = Shared::<[AtomicU64; 2]>::new().expect("memory");
        // SAFETY: the child stores into memory of its own and ends, without running anything else.
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
