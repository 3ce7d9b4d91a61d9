//! Which ids this machine's processes have, and which exist in this user namespace.

use std::{fs, os::unix::fs::MetadataExt as _};

use nix::unistd::Uid;

/// The number of tasks of an account, each thread counted, as `RLIMIT_NPROC` counts them; `None` without
/// /proc.
#[must_use]
pub fn tasks(uid: Uid) -> Option<u64> {
    let mut tasks = 0;
    for entry in fs::read_dir("/proc").ok()?.filter_map(Result::ok) {
        let name = entry.file_name();
        let is_process = name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
        // A process may end meanwhile. Its directory shows root if it cannot be dumped, so ask for all ids.
        if is_process && has_id(&entry.path(), uid).unwrap_or(false) {
            tasks += entry
                .path()
                .join("task")
                .metadata()
                .map_or(1, |tasks| tasks.nlink().saturating_sub(2).max(1));
        }
    }
    Some(tasks)
}

fn has_id(process: &std::path::Path, uid: Uid) -> Option<bool> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    let wanted = uid.to_string();
    Some(ids.split_ascii_whitespace().any(|id| id == wanted))
}

/// Whether both the user and the group of this number exist in this user namespace.
#[must_use]
pub fn is_mapped(id: u32) -> bool {
    ["/proc/self/uid_map", "/proc/self/gid_map"]
        .into_iter()
        .all(|map| fs::read_to_string(map).is_ok_and(|map| maps(&map, id)))
}

fn maps(map: &str, id: u32) -> bool {
    map.lines().any(|line| {
        let numbers: Vec<u64> = line
            .split_ascii_whitespace()
            .filter_map(|number| number.parse().ok())
            .collect();
        matches!(numbers[..], [first, _, length] if (first..first + length).contains(&u64::from(id)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_with_few_ids_maps_no_high_one() {
        assert!(maps("         0          0 4294967295\n", 0x7000_0000));
        assert!(!maps("         0     100000      65536\n", 0x7000_0000));
        assert!(!maps("", 0));
    }

    #[test]
    fn this_process_is_counted() {
        assert!(tasks(nix::unistd::getuid()).unwrap() > 0);
    }
}
