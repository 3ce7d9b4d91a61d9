//! Makes a new work directory for each run, and removes those that killed runs left behind.
//!
//! The parent may belong to anyone, so only the creation uses a name: everything later works on the opened
//! directory, which nobody can replace by a link.

use std::{
    ffi::{CStr, CString, OsStr},
    fs::File,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{Flock, FlockArg},
    sys::stat::{FileStat, Mode, fstat, mkdirat},
    unistd::{UnlinkatFlags, fchown, geteuid, unlinkat},
};

use super::{
    identity::Identity,
    image::{self, Ext4Image},
    tree::{self, Remains},
};
use crate::count::kernel::disk::Disk;

/// The default parent of work directories: on a disk on most machines, and never in the repository.
pub const DEFAULT_PARENT: &str = "/var/tmp";

const PREFIX: &str = "mmap-trace-work-";
/// A younger directory may belong to a run that has not locked it yet.
const SETTLED: Duration = Duration::from_mins(1);
/// Root in a container may lack `CAP_DAC_OVERRIDE`, and opens the directory as any other account once it has
/// given it away.
const MODE: Mode = Mode::S_IRWXU
    .union(Mode::S_IRGRP)
    .union(Mode::S_IXGRP)
    .union(Mode::S_IROTH)
    .union(Mode::S_IXOTH);
/// How many names to try.
const ATTEMPTS: u32 = 1000;

/// A work directory. It is removed when dropped, or by the next run if this one is killed.
pub struct WorkDir {
    parent: OwnedFd,
    name: CString,
    path: PathBuf,
    // Held as long as the run lives, so that other runs do not remove the directory.
    lock: Flock<File>,
    image: Option<Ext4Image>,
    pub disk: Disk,
}

impl WorkDir {
    /// Makes a directory under `parent` that belongs to `owner`.
    pub fn create(parent: &Path, owner: &Identity) -> Result<WorkDir> {
        let shown = parent.display();
        let failed = || format!("cannot make a work directory in {shown}");
        let handle: OwnedFd = File::open(parent).with_context(failed)?.into();
        let name = make(&handle).with_context(failed)?;
        let path = parent.join(OsStr::from_bytes(name.as_bytes()));
        let shown = path.display();
        let directory =
            tree::open_directory(&handle, &name).with_context(|| format!("open({shown})"))?;
        ensure!(
            is_untouched(&directory).with_context(|| format!("stat({shown})"))?,
            "another account replaced {shown} as soon as it was made: give a directory that only you can \
             write to with --work-dir DIR"
        );
        let Ok(lock) = Flock::lock(File::from(directory), FlockArg::LockExclusiveNonblock) else {
            bail!("cannot lock {shown}");
        };
        let work = WorkDir {
            disk: Disk::of(&tree::path_of(&*lock))?,
            parent: handle,
            name,
            path,
            lock,
            image: None,
        };
        // From here on, the directory is removed if anything fails.
        fchown(work.lock.as_fd(), Some(owner.uid), Some(owner.gid))
            .with_context(|| format!("fchown({})", work.path.display()))?;
        Ok(work)
    }

    /// Makes the directory an ext4 image with room for `data_bytes`.
    pub fn become_image(&mut self, data_bytes: u64, owner: &Identity) -> Result<()> {
        let image = Ext4Image::mount_over(&self.path, &self.lock, data_bytes, owner)?;
        let disk = Disk::of(&tree::path_of(image.root()))?;
        if disk.file_system != image::FILE_SYSTEM {
            bail!(
                "{} is {} although an image is mounted on it",
                self.path().display(),
                disk.file_system
            );
        }
        let holder = std::mem::replace(&mut self.disk, disk).file_system;
        self.disk.image_on = Some(holder);
        self.image = Some(image);
        Ok(())
    }

    /// Its path, for messages and the lesson's environment. The tracer itself uses [`WorkDir::opened`].
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path that leads to this directory, whatever its name leads to by now.
    #[must_use]
    pub fn opened(&self) -> PathBuf {
        tree::path_of(self.image.as_ref().map_or(&*self.lock, Ext4Image::root))
    }

    /// Fails if the disk is too full for a lesson of this size.
    pub fn require_space(&self, size_bytes: u64) -> Result<()> {
        // The largest lesson keeps two files of its size, and a file system needs some spare room.
        let needed = size_bytes.saturating_mul(3);
        let free = self.disk.free_bytes;
        if free < needed {
            bail!(
                "the disk under {} has {} MiB free, and this lesson needs {} MiB: \
                 give a directory on another disk with --work-dir DIR, or reduce the data with --size",
                self.path().display(),
                free >> 20,
                needed >> 20
            );
        }
        Ok(())
    }

    /// Removes what the lesson left; an image goes as a whole. The directory itself goes when this is dropped.
    #[must_use]
    pub fn empty(&self) -> Remains {
        // Root without CAP_DAC_OVERRIDE, as in a container, may not delete files in another account's
        // directory.
        let _ = fchown(self.lock.as_fd(), Some(geteuid()), None);
        tree::empty(&*self.lock)
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        drop(self.image.take());
        // If it fails, the directory stays, and the next run removes it.
        let _ = self.empty();
        let _ = unlinkat(&self.parent, self.name.as_c_str(), UnlinkatFlags::RemoveDir);
    }
}

/// Makes a directory with a new name.
fn make(parent: &OwnedFd) -> nix::Result<CString> {
    for attempt in 0..ATTEMPTS {
        let text = format!("{PREFIX}{}-{attempt}", std::process::id());
        let name = CString::new(text).map_err(|_| Errno::EINVAL)?;
        match mkdirat(parent, name.as_c_str(), MODE) {
            Err(Errno::EEXIST) => {}
            other => return other.map(|()| name),
        }
    }
    Err(Errno::EEXIST)
}

/// Whether this can be the directory that was just made: the tracer's, and empty.
fn is_untouched(directory: &OwnedFd) -> nix::Result<bool> {
    let is_ours = fstat(directory)?.st_uid == geteuid().as_raw();
    let mut listing = Dir::from_fd(tree::open_directory(directory, c".")?)?;
    let is_empty = listing
        .iter()
        .all(|entry| entry.is_ok_and(|entry| matches!(entry.file_name().to_bytes(), b"." | b"..")));
    Ok(is_ours && is_empty)
}

/// A work directory whose run is dead, and what of it cannot be removed.
pub struct Swept {
    pub path: PathBuf,
    pub remains: Remains,
}

/// Removes work directories whose run is dead. It leaves those of accounts that this run's lessons cannot have
/// had.
#[must_use]
pub fn sweep(parent: &Path, account: &Identity) -> Vec<Swept> {
    let Ok(handle) = File::open(parent).map(OwnedFd::from) else {
        return Vec::new();
    };
    let Ok(mut listing) = tree::open_directory(&handle, c".").and_then(Dir::from_fd) else {
        return Vec::new();
    };
    listing
        .iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_bytes().starts_with(PREFIX.as_bytes()))
        .filter_map(|entry| {
            Some(Swept {
                path: parent.join(OsStr::from_bytes(entry.file_name().to_bytes())),
                remains: remove_dead(&handle, entry.file_name(), account).ok()??,
            })
        })
        .collect()
}

/// Removes the directory, or returns `None` if its run lives, which holds a lock on it.
fn remove_dead(parent: &OwnedFd, name: &CStr, account: &Identity) -> nix::Result<Option<Remains>> {
    let directory = tree::open_directory(parent, name)?;
    let stat = fstat(&directory)?;
    let owners = [geteuid(), account.uid].map(nix::unistd::Uid::as_raw);
    if !(owners.contains(&stat.st_uid) || Identity::is_own(stat.st_uid)) || age(&stat) < SETTLED {
        return Ok(None);
    }
    let Ok(lock) = Flock::lock(File::from(directory), FlockArg::LockExclusiveNonblock) else {
        return Ok(None);
    };
    let _ = fchown(lock.as_fd(), Some(geteuid()), None);
    let mut remains = tree::empty(&*lock);
    if let Err(errno) = unlinkat(parent, name, UnlinkatFlags::RemoveDir) {
        remains.add(name, errno);
    }
    Ok(Some(remains))
}

fn age(stat: &FileStat) -> Duration {
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(stat.st_ctime.cast_unsigned());
    SystemTime::now()
        .duration_since(changed)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn us() -> Identity {
        Identity {
            uid: geteuid(),
            gid: nix::unistd::getegid(),
            name: String::new(),
        }
    }

    #[test]
    fn a_young_directory_is_not_swept() {
        let parent = tempfile::tempdir().unwrap();
        let young = parent.path().join(format!("{PREFIX}young"));
        fs::create_dir(&young).unwrap();
        fs::create_dir(parent.path().join("other")).unwrap();
        assert!(sweep(parent.path(), &us()).is_empty());
        assert!(young.exists());
    }

    #[test]
    fn a_fifo_or_link_with_the_name_of_a_work_directory_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(format!("{PREFIX}{name}"));
        nix::unistd::mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
        std::os::unix::fs::symlink("/", at("link")).unwrap();
        fs::write(at("file"), "").unwrap();
        assert!(sweep(parent.path(), &us()).is_empty());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_directory_goes_with_everything_in_it() {
        let parent = tempfile::tempdir().unwrap();
        let work = WorkDir::create(parent.path(), &us()).unwrap();
        fs::create_dir_all(work.opened().join("a/b")).unwrap();
        assert_eq!(work.empty(), Remains::default());
        drop(work);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
