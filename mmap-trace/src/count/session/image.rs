//! An ext4 file system in a sparse file, for lessons that need ext4 where the work directory has another one.
//!
//! Nothing of it can stay behind: the file has no name, the kernel releases the loop device at the last unmount
//! (`LO_FLAGS_AUTOCLEAR`), and the mount belongs to a mount namespace of the tracer, which ends with its last
//! process, however that ends.

use std::{
    fs::{File, OpenOptions},
    io,
    os::{
        fd::AsRawFd as _,
        unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    errno::Errno,
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
    unistd::{UnlinkatFlags, fchown, unlinkat},
};

use super::{identity::Identity, loop_device, tree::path_of};
use crate::text::search_path;

/// The file system of an image, as /proc/self/mountinfo names it.
pub const FILE_SYSTEM: &str = "ext4";

/// Room for the journal and other metadata, and for what a lesson keeps beside its data.
const SPARE_BYTES: u64 = 1 << 30;

/// The directories in which mkfs.ext4 lies; the `PATH` of an ordinary account may lack them.
const SYSTEM_DIRECTORIES: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// The inode number of the root directory (`EXT4_ROOT_INO`).
const ROOT_INODE: u64 = 2;

/// A mounted image. It is unmounted when dropped.
pub struct Ext4Image {
    root: File,
}

impl Ext4Image {
    /// Makes an image with room for `data_bytes` in a directory, and mounts it there; it then belongs to
    /// `owner`. Both of `path` and `opened` lead to the directory.
    pub fn mount_over(
        path: &Path,
        opened: &File,
        data_bytes: u64,
        owner: &Identity,
    ) -> Result<Ext4Image> {
        let shown = path.display();
        let file =
            nameless_file(&path_of(opened)).with_context(|| format!("make a file in {shown}"))?;
        file.set_len(data_bytes.saturating_add(SPARE_BYTES))
            .context("ftruncate(image)")?;
        make_file_system(&file)?;
        own_mounts().context("the tracer cannot have mounts of its own")?;
        let (device, device_path) = loop_device::attach(&file)?;
        // What was opened before belongs to the mounts of the rest of the system.
        let place = open(path)?;
        ensure!(
            file_id(&place)? == file_id(opened)?,
            "another account replaced {shown}"
        );
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        // The kernel would otherwise write the inode tables while the lesson runs (`ext4_lazyinit_thread`).
        let options = Some("noinit_itable");
        let source = Some(&device_path);
        mount(source, &path_of(&place), Some(FILE_SYSTEM), flags, options)
            .with_context(|| format!("mount({}, {shown})", device_path.display()))?;
        let root = open(path)?;
        ensure!(
            file_id(&root)? == (device.metadata()?.rdev(), ROOT_INODE),
            "another account replaced {shown}"
        );
        // From here on, the mount keeps the device.
        drop(device);
        let image = Ext4Image { root };
        // The lesson finds an empty directory, as everywhere else.
        unlinkat(&image.root, "lost+found", UnlinkatFlags::RemoveDir)
            .context("rmdir(lost+found)")?;
        fchown(&image.root, Some(owner.uid), Some(owner.gid))
            .with_context(|| format!("fchown({shown})"))?;
        Ok(image)
    }

    #[must_use]
    pub fn root(&self) -> &File {
        &self.root
    }
}

impl Drop for Ext4Image {
    /// Detaches the mount even if a file in it is still open; the kernel ends it with the last user.
    fn drop(&mut self) {
        // If it fails, the mount ends with the tracer's mount namespace.
        let _ = umount2(&path_of(&self.root), MntFlags::MNT_DETACH);
    }
}

/// Opens a directory, and follows no link in its place.
fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
        .open(path)
        .with_context(|| format!("open({})", path.display()))
}

/// Device and inode number.
fn file_id(file: &File) -> io::Result<(u64, u64)> {
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// A file in `directory` that no other process can find.
fn nameless_file(directory: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    let opened = options
        .clone()
        .custom_flags(libc::O_TMPFILE)
        .open(directory);
    match opened.as_ref().err().and_then(io::Error::raw_os_error) {
        // Network file systems, among others, cannot make a file without a name.
        Some(libc::EOPNOTSUPP | libc::EISDIR) => tempfile::tempfile_in(directory),
        _ => opened,
    }
}

fn make_file_system(file: &File) -> Result<()> {
    let Some(program) = mkfs() else {
        bail!("there is no mkfs.ext4 here; install it (Debian and Ubuntu: apt install e2fsprogs)");
    };
    let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
    let made = Command::new(program)
        .args(["-q", "-F", "-b", "4096", "-E", "nodiscard"])
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .context("cannot start mkfs.ext4")?;
    if !made.status.success() {
        bail!(
            "mkfs.ext4 ended with {}: {}",
            made.status,
            String::from_utf8_lossy(&made.stderr).trim()
        );
    }
    Ok(())
}

/// The program that makes the file system.
#[must_use]
pub fn mkfs() -> Option<PathBuf> {
    let elsewhere = SYSTEM_DIRECTORIES.map(|directory| Path::new(directory).join("mkfs.ext4"));
    search_path::find("mkfs.ext4").or_else(|| elsewhere.into_iter().find(|path| path.exists()))
}

/// Moves the tracer into a mount namespace of its own, whose mounts the rest of the system never sees.
fn own_mounts() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let none = None::<&str>;
    match mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_SLAVE, none) {
        // A root directory that is no mount point (chroot(2)) does not propagate mounts either.
        Err(Errno::EINVAL) => Ok(()),
        other => other,
    }
}
