//! Processes that share the traced program's UTS namespace: what it may have left behind.

use std::{fs, os::unix::fs::MetadataExt as _};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// Kills every process of the namespace. Forking can outrun one pass, so it repeats until a pass
/// finds none.
pub fn kill_all(uts_number: u32) {
    for _ in 0..16 {
        let members = members(uts_number);
        if members.is_empty() {
            return;
        }
        for member in members {
            let _ = kill(member, Signal::SIGKILL);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Living processes of the namespace; zombies have left theirs.
fn members(uts_number: u32) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            fs::metadata(format!("/proc/{pid}/ns/uts"))
                .is_ok_and(|metadata| metadata.ino() == u64::from(uts_number))
        })
        .map(Pid::from_raw)
        .collect()
}
