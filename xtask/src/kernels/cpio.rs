//! The archive that the kernel unpacks as its first file system: cpio's `newc` format
//! (Documentation/driver-api/early-userspace/buffer-format.rst).

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const LINK: u32 = 0o120_000;
const CHARACTER: u32 = 0o020_000;

/// The last entry of every archive.
const TRAILER: &str = "TRAILER!!!";

/// Writes entries in the order in which they are given; folders come by themselves.
#[derive(Debug)]
pub(crate) struct Archive<W> {
    to: W,
    inode: u32,
    names: BTreeSet<String>,
}

/// A device's numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Device {
    major: u32,
    minor: u32,
}

impl<W: Write> Archive<W> {
    /// An empty archive.
    pub(crate) fn new(to: W) -> Self {
        Self {
            to,
            inode: 0,
            names: BTreeSet::new(),
        }
    }

    /// A file with these permissions, at an absolute path; the first one of a name stays.
    pub(crate) fn file(&mut self, path: &str, permissions: u32, content: &[u8]) -> io::Result<()> {
        self.entry(path, REGULAR | permissions, content, Device::default())
    }

    /// A symbolic link.
    pub(crate) fn link(&mut self, path: &str, target: &str) -> io::Result<()> {
        self.entry(path, LINK | 0o777, target.as_bytes(), Device::default())
    }

    /// An empty folder.
    pub(crate) fn folder(&mut self, path: &str) -> io::Result<()> {
        self.entry(path, DIRECTORY | 0o755, &[], Device::default())
    }

    /// A character device.
    pub(crate) fn device(&mut self, path: &str, major: u32, minor: u32) -> io::Result<()> {
        self.entry(path, CHARACTER | 0o600, &[], Device { major, minor })
    }

    /// Ends the archive.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.write(TRAILER, 0, &[], Device::default())?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8], device: Device) -> io::Result<()> {
        let name = path.trim_start_matches('/');
        for (end, _) in name.match_indices('/') {
            self.once(&name[..end], DIRECTORY | 0o755, &[], Device::default())?;
        }
        self.once(name, mode, content, device)
    }

    fn once(&mut self, name: &str, mode: u32, content: &[u8], device: Device) -> io::Result<()> {
        if self.names.insert(name.to_owned()) {
            self.write(name, mode, content, device)?;
        }
        Ok(())
    }

    fn write(&mut self, name: &str, mode: u32, content: &[u8], device: Device) -> io::Result<()> {
        let size = u32::try_from(content.len())
            .map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, name.to_owned()))?;
        self.inode += 1;
        // Inode, mode, owner, group, links, time, size, device of the file, device it is, length of
        // the name, check.
        let fields = [
            self.inode,
            mode,
            0,
            0,
            1,
            0,
            size,
            0,
            0,
            device.major,
            device.minor,
            name.len() as u32 + 1,
            0,
        ];
        let mut header = String::from("070701");
        for field in fields {
            use std::fmt::Write as _;
            // Writing to a String cannot fail.
            let _ = write!(header, "{field:08X}");
        }
        header.push_str(name);
        header.push('\0');
        self.padded(header.as_bytes())?;
        self.padded(content)
    }

    /// Everything begins at a multiple of four.
    fn padded(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)?;
        let padding = bytes.len().next_multiple_of(4) - bytes.len();
        self.to.write_all(&[0; 3][..padding])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Vec<u8> {
        let mut archive = Archive::new(Vec::new());
        archive.file("/a/b/file", 0o755, b"12345").unwrap();
        archive.file("/a/b/file", 0o755, b"not taken").unwrap();
        archive.link("/lib64", "usr/lib64").unwrap();
        archive.finish().unwrap()
    }

    #[test]
    fn entries_are_aligned_and_folders_come_before_what_they_hold() {
        let bytes = archive();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let place = |name: &str| text.find(name).unwrap();
        assert!(place("a\0") < place("a/b\0") && place("a/b\0") < place("a/b/file\0"));
        assert_eq!(text.matches("070701").count(), 5);
        assert!(!text.contains("not taken"));
    }
}
