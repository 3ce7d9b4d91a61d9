//! Checks of the work directory: what its file system changes about the meaning of counts.

use std::fs;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::finding::{Inspection, Seen};
use super::host::Host;
use crate::count::{kernel::disk::Disk, session::image};
use crate::diagnosis::Level;

/// Three times the data of the largest lesson by default: two files, and some spare room.
const NEEDED_BYTES: u64 = 3 * (64 << 20);

/// Makes an ext4 file system in a file, for a machine that has none mounted.
const MAKE_EXT4: &str = "truncate -s 1G /var/tmp/ext4.img && mkfs.ext4 -q /var/tmp/ext4.img && \
    sudo mkdir -p /mnt/ext4 && sudo mount -o loop /var/tmp/ext4.img /mnt/ext4 && \
    cargo xtask run lesson-3 --work-dir /mnt/ext4";

/// What differs from ext4, the file system on which the lessons are tested.
const FILE_SYSTEMS: &[(&[&str], Level, &str)] = &[
    (&["ext4"], Level::Ok, ""),
    (
        &["ext2", "ext3", "xfs", "f2fs"],
        Level::Note,
        "written pages need a hook that not every kernel allows, and discarded dirty pages are n/a",
    ),
    (
        &["btrfs", "bcachefs"],
        Level::Warning,
        "it has no single device, so device bytes are n/a; checksums and copy-on-write move more bytes",
    ),
    (
        &["tmpfs", "ramfs", "devtmpfs", "rootfs", "hugetlbfs"],
        Level::Warning,
        "nothing here reaches a disk: no writeback, no device bytes, and O_DIRECT copies",
    ),
    (
        &["overlay", "aufs"],
        Level::Warning,
        "pages belong to the file system below: device bytes are n/a, and inodes differ",
    ),
    (
        &[
            "nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "virtiofs", "vboxsf", "drvfs",
        ],
        Level::Warning,
        "bytes go to another machine: device bytes are n/a, and the server has a cache of its own",
    ),
    (
        &["fuse", "fuseblk", "zfs"],
        Level::Warning,
        "it copies between its own caches: copies and device bytes are not only the lesson's",
    ),
];

const UNKNOWN: &str = "the lessons are not tested on it: compare with a run on ext4";

pub(super) const CHECKS: &[Inspection] = &[
    Inspection {
        what: "file system",
        why: "the same call dirties, writes back and copies differently on another one",
        look: file_system,
    },
    Inspection {
        what: "device",
        why: "device bytes are the bytes queued to it",
        look: |host| match Disk::of(host.work_dir()) {
            Ok(Disk {
                device: Some(_),
                device_name,
                ..
            }) => Seen::ok(device_name),
            _ => Seen::not_ok(
                Level::Warning,
                "not a single block device",
                other_work_dir(host),
            ),
        },
    },
    Inspection {
        what: "O_DIRECT",
        why: "the lesson about copies reads past the page cache once",
        look: direct,
    },
    Inspection {
        what: "free space",
        why: "a lesson needs three times its data; --size reduces it",
        look: |host| match Disk::of(host.work_dir()) {
            Ok(disk) if disk.free_bytes >= NEEDED_BYTES => {
                Seen::ok(format!("{} MiB", disk.free_bytes >> 20))
            }
            Ok(disk) => Seen::not_ok(
                Level::Warning,
                format!("{} MiB", disk.free_bytes >> 20),
                "cargo xtask run lesson-3 --size 8MiB",
            ),
            Err(error) => no_directory(&error),
        },
    },
];

fn file_system(host: &Host) -> Seen {
    let disk = match Disk::of(host.work_dir()) {
        Ok(disk) => disk,
        Err(error) => return no_directory(&error),
    };
    let name = &disk.file_system;
    let (level, meaning) = meaning(name);
    let now = format!("{name} under {}", host.work_dir().display());
    if level == Level::Ok {
        return Seen::ok(now);
    }
    let now = match image::mkfs() {
        Some(_) => {
            format!("{now}, where lessons that root traces run in an ext4 image; for others")
        }
        None => now,
    };
    Seen::not_ok(level, format!("{now}: {meaning}"), other_work_dir(host))
}

fn meaning(name: &str) -> (Level, &'static str) {
    // Names such as `fuse.sshfs` have their program after a dot.
    let family = name.split('.').next().unwrap_or(name);
    FILE_SYSTEMS
        .iter()
        .find(|(names, ..)| names.contains(&family))
        .map_or((Level::Note, UNKNOWN), |(_, level, meaning)| {
            (*level, meaning)
        })
}

fn no_directory(error: &anyhow::Error) -> Seen {
    Seen::not_ok(
        Level::Problem,
        format!("{error:#}"),
        "cargo xtask doctor --work-dir DIR   # a directory that exists",
    )
}

/// A command that runs a lesson on a mounted ext4 file system, or on a new one.
pub(super) fn other_work_dir(host: &Host) -> String {
    host.read("/proc/self/mountinfo")
        .and_then(|mounts| ext4_mount(&mounts))
        .map_or(MAKE_EXT4.to_owned(), |place| {
            format!("cargo xtask run lesson-3 --work-dir {place}")
        })
}

/// A writable mount point of ext4; not a single file that is mounted into a container.
fn ext4_mount(mounts: &str) -> Option<String> {
    mounts
        .lines()
        .filter(|line| line.contains(" - ext4 "))
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(4);
            let place = fields.next()?;
            let options = fields.next()?;
            let writable = options.split(',').any(|option| option == "rw");
            // These paths contain the user's name, which a bug report should not reveal.
            let is_public = !["/media/", "/run/media/", "/home/"]
                .iter()
                .any(|private| place.starts_with(private));
            (writable && is_public && fs::metadata(place).is_ok_and(|it| it.is_dir()))
                .then(|| place.to_owned())
        })
        .map(|place| match place.as_str() {
            "/" => "/var/tmp".to_owned(),
            _ => place,
        })
        .next()
}

fn direct(host: &Host) -> Seen {
    // The file has no name, so nothing stays behind even if the tracer is killed.
    let file = match tempfile::tempfile_in(host.work_dir()) {
        Ok(file) => file,
        Err(error) => {
            let now = format!("not tried, because no file can be created: {error}");
            return Seen::not_ok(
                Level::Warning,
                now,
                "cargo xtask doctor --work-dir DIR   # a directory that can be written",
            );
        }
    };
    // This makes the same check as open(2), see setfl() in fs/fcntl.c.
    match fcntl(&file, FcntlArg::F_SETFL(OFlag::O_DIRECT)) {
        Ok(_) if Disk::of(host.work_dir()).is_ok_and(|disk| disk.is_in_memory()) => Seen::not_ok(
            Level::Warning,
            "accepted, but the kernel copies anyway",
            other_work_dir(host),
        ),
        Ok(_) => Seen::ok("accepted"),
        Err(error) => Seen::not_ok(
            Level::Warning,
            format!("refused: {error}"),
            other_work_dir(host),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_that_changes_the_meaning_of_counts_is_not_ok() {
        assert_eq!(meaning("ext4").0, Level::Ok);
        for name in ["tmpfs", "overlay", "btrfs", "nfs4", "fuse.sshfs", "9p"] {
            let (level, meaning) = meaning(name);
            assert_eq!(level, Level::Warning, "{name}");
            assert!(!meaning.is_empty(), "{name}");
        }
        assert_eq!(meaning("newfs"), (Level::Note, UNKNOWN));
    }

    #[test]
    fn another_work_directory_is_writable_and_on_ext4() {
        let mount = |place, options| format!("22 1 254:0 / {place} {options} - ext4 /dev/vda rw\n");
        assert_eq!(
            ext4_mount(&mount("/", "rw,relatime")).as_deref(),
            Some("/var/tmp")
        );
        assert_eq!(ext4_mount(&mount("/", "ro,relatime")), None);
        assert_eq!(ext4_mount(&mount("/etc/passwd", "rw")), None);
        assert_eq!(ext4_mount("22 1 0:1 / / rw - tmpfs none rw"), None);
    }

    #[test]
    fn dev_shm_is_a_warning() {
        let host = Host::this("/dev/shm".into());
        assert_eq!(file_system(&host).level, Level::Warning);
        assert_eq!(direct(&host).level, Level::Warning);
    }
}
