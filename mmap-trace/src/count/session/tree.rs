//! Removes a tree that a lesson made: with few descriptors, in bounded memory, at any depth, without following
//! a link or leaving the file system.

use std::{
    collections::HashSet,
    ffi::{CStr, CString},
    fs,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::PermissionsExt as _,
    },
    path::PathBuf,
};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AtFlags, OFlag, openat},
    sys::stat::{Mode, fchmod, fstat},
    unistd::{UnlinkatFlags, fchown, fchownat, getegid, geteuid, unlinkat},
};

/// What could not be removed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Remains {
    pub entries: usize,
    /// The first entry's name and error.
    pub first: Option<(String, Errno)>,
}

/// The walk gives up after this number of failures, because it remembers each.
const FAILURES: usize = 1000;
/// How many names of subdirectories the walk remembers at the top; deeper, it remembers fewer.
const NAMES: usize = 4096;

/// What the owner of a directory needs to remove its entries.
const OWNER: u32 = 0o700;

/// Opens a directory without following a link, and without waiting for the writer of a FIFO.
pub fn open_directory(parent: impl AsFd, name: &CStr) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY
        | OFlag::O_DIRECTORY
        | OFlag::O_NOFOLLOW
        | OFlag::O_NONBLOCK
        | OFlag::O_CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

/// A path that leads to an opened file, whatever its name leads to by now.
#[must_use]
pub fn path_of(opened: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd()))
}

/// A directory on the way from the top to the current one.
struct Entered {
    /// Its name in its parent; the top has none.
    name: CString,
    inode: u64,
    subdirectories: Vec<CString>,
    failed: HashSet<CString>,
}

impl Entered {
    fn new(name: CString, inode: u64) -> Entered {
        Entered {
            name,
            inode,
            subdirectories: Vec::new(),
            failed: HashSet::new(),
        }
    }
}

struct Walk {
    device: u64,
    current: OwnedFd,
    entered: Vec<Entered>,
    remains: Remains,
}

/// Removes everything in a directory that can be removed.
#[must_use]
pub fn empty(directory: impl AsFd) -> Remains {
    let started = open_directory(directory, c".").and_then(|current| {
        let stat = fstat(&current)?;
        Ok(Walk {
            device: stat.st_dev,
            current,
            entered: vec![Entered::new(CString::default(), stat.st_ino)],
            remains: Remains::default(),
        })
    });
    match started {
        Ok(mut walk) => {
            if let Err(errno) = walk.run() {
                walk.remains.add(c"..", errno);
            }
            walk.remains
        }
        Err(errno) => {
            let mut remains = Remains::default();
            remains.add(c".", errno);
            remains
        }
    }
}

impl Remains {
    pub(super) fn add(&mut self, name: &CStr, errno: Errno) {
        self.entries += 1;
        self.first
            .get_or_insert_with(|| (name.to_string_lossy().escape_debug().to_string(), errno));
    }
}

impl Walk {
    fn run(&mut self) -> nix::Result<()> {
        while self.remains.entries < FAILURES {
            if self.last().subdirectories.is_empty() {
                self.scan()?;
            }
            if let Some(name) = self.last().subdirectories.pop() {
                self.descend(name);
            } else if self.entered.len() > 1 {
                self.ascend()?;
            } else {
                break;
            }
        }
        Ok(())
    }

    fn last(&mut self) -> &mut Entered {
        let last = self.entered.len() - 1;
        &mut self.entered[last]
    }

    /// Removes what is no directory, and empty directories; remembers the first of the others.
    fn scan(&mut self) -> nix::Result<()> {
        let most = (NAMES / self.entered.len()).max(1);
        let mut listing = Dir::from_fd(open_directory(&self.current, c".")?)?;
        for entry in listing.iter() {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." || self.last().failed.contains(name) {
                continue;
            }
            match remove(&self.current, name) {
                Ok(()) => {}
                Err(Errno::ENOTEMPTY | Errno::EEXIST) => {
                    self.last().subdirectories.push(name.to_owned());
                }
                Err(errno) => self.fail(name.to_owned(), errno),
            }
            if self.last().subdirectories.len() >= most || self.remains.entries >= FAILURES {
                break;
            }
        }
        Ok(())
    }

    fn fail(&mut self, name: CString, errno: Errno) {
        self.remains.add(&name, errno);
        self.last().failed.insert(name);
    }

    fn descend(&mut self, name: CString) {
        let opened = open_directory(&self.current, &name)
            .or_else(|_| open_closed(&self.current, &name))
            .and_then(|directory| Ok((fstat(&directory)?, directory)));
        match opened {
            Ok((stat, directory)) if stat.st_dev == self.device => {
                if stat.st_mode & OWNER != OWNER || stat.st_uid != geteuid().as_raw() {
                    // Otherwise, entries of a directory without write permission would stay.
                    let _ = fchown(&directory, Some(geteuid()), None);
                    let _ = fchmod(&directory, Mode::S_IRWXU);
                }
                self.entered.push(Entered::new(name, stat.st_ino));
                self.current = directory;
            }
            Ok(_) => self.fail(name, Errno::EXDEV),
            Err(errno) => self.fail(name, errno),
        }
    }

    /// Goes back to the parent, and fails if someone has moved the directory meanwhile.
    fn ascend(&mut self) -> nix::Result<()> {
        let parent = open_directory(&self.current, c"..")?;
        let stat = fstat(&parent)?;
        let Some(left) = self.entered.pop() else {
            return Ok(());
        };
        if (stat.st_dev, stat.st_ino) != (self.device, self.last().inode) {
            return Err(Errno::ESTALE);
        }
        self.current = parent;
        match unlinkat(
            &self.current,
            left.name.as_c_str(),
            UnlinkatFlags::RemoveDir,
        ) {
            Ok(()) => {}
            // Its entries are reported already.
            Err(_) if !left.failed.is_empty() => {
                self.last().failed.insert(left.name);
            }
            Err(errno) => self.fail(left.name, errno),
        }
        Ok(())
    }
}

/// Removes a file or an empty directory.
fn remove(parent: &OwnedFd, name: &CStr) -> nix::Result<()> {
    match unlinkat(parent, name, UnlinkatFlags::NoRemoveDir) {
        // POSIX wants EPERM for a directory, and Linux returns EISDIR.
        Err(Errno::EISDIR) => unlinkat(parent, name, UnlinkatFlags::RemoveDir),
        other => other,
    }
}

/// Opens a directory whose mode or owner forbids it, if the tracer may change these.
fn open_closed(parent: &OwnedFd, name: &CStr) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let handle = openat(parent, name, flags, Mode::empty())?;
    // Root without CAP_DAC_OVERRIDE, as in a container, must own it first.
    let _ = fchownat(
        &handle,
        c"",
        Some(geteuid()),
        Some(getegid()),
        AtFlags::AT_EMPTY_PATH,
    );
    // The kernel has no fchmod(2) for a handle.
    let _ = fs::set_permissions(path_of(&handle), fs::Permissions::from_mode(OWNER));
    open_directory(parent, name)
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::unix::fs::symlink, path::Path};

    use super::*;

    fn emptied(directory: &Path) -> Remains {
        let remains = empty(File::open(directory).unwrap());
        let left = fs::read_dir(directory).unwrap().count();
        assert_eq!(left == 0, remains == Remains::default(), "{remains:?}");
        remains
    }

    /// Makes a chain of directories, which is longer than a path may be.
    fn deepen(top: &Path, depth: usize) {
        let mut current: OwnedFd = File::open(top).unwrap().into();
        for _ in 0..depth {
            nix::sys::stat::mkdirat(&current, c"d", Mode::S_IRWXU).unwrap();
            current = open_directory(&current, c"d").unwrap();
        }
    }

    #[test]
    fn a_deep_tree_goes() {
        let top = tempfile::tempdir().unwrap();
        deepen(top.path(), 10_000);
        assert_eq!(emptied(top.path()), Remains::default());
    }

    #[test]
    fn a_wide_tree_goes() {
        let top = tempfile::tempdir().unwrap();
        for n in 0..NAMES * 2 {
            fs::create_dir_all(top.path().join(format!("{n}/child"))).unwrap();
        }
        assert_eq!(emptied(top.path()), Remains::default());
    }

    #[test]
    fn a_closed_directory_goes() {
        let top = tempfile::tempdir().unwrap();
        let closed = top.path().join("closed");
        fs::create_dir_all(closed.join("inner")).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
        assert_eq!(emptied(top.path()), Remains::default());
    }

    #[test]
    fn links_and_fifos_go_and_what_they_name_stays() {
        let (top, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let kept = other.path().join("kept");
        fs::write(&kept, "kept").unwrap();
        symlink(other.path(), top.path().join("link")).unwrap();
        symlink(&kept, top.path().join("file")).unwrap();
        fs::hard_link(&kept, top.path().join("hard")).unwrap();
        nix::unistd::mkfifo(&top.path().join("fifo"), Mode::S_IRWXU).unwrap();
        assert_eq!(emptied(top.path()), Remains::default());
        assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");
    }
}
