//! Kills the processes that a traced program left behind.

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt as _};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, getpid},
};

use super::membership::Membership;

/// Kills every living member. Members may fork meanwhile, so it repeats until it finds none.
pub fn kill_all(membership: Membership) {
    for _ in 0..16 {
        let members = match membership {
            Membership::Namespace(number) => in_namespace(number),
            // The tracer is their subreaper, so orphans become its children.
            Membership::Table => descendants(getpid(), &parents()),
        };
        if members.is_empty() {
            return;
        }
        for member in members {
            let _ = kill(member, Signal::SIGKILL);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

fn processes() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
}

/// Living processes of the namespace; a zombie has no namespace any more.
fn in_namespace(uts_number: u32) -> Vec<Pid> {
    processes()
        .filter(|pid| {
            fs::metadata(format!("/proc/{pid}/ns/uts"))
                .is_ok_and(|metadata| metadata.ino() == u64::from(uts_number))
        })
        .map(Pid::from_raw)
        .collect()
}

/// The parent of each process that is not a zombie.
fn parents() -> BTreeMap<i32, i32> {
    processes()
        .filter_map(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            Some((pid, parent_of(&stat)?))
        })
        .collect()
}

/// Fields 3 and 4 of /proc/PID/stat, see proc(5); the name before them may hold any character.
fn parent_of(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then_some(parent)
}

fn descendants(of: Pid, parents: &BTreeMap<i32, i32>) -> Vec<Pid> {
    let descends = |pid: i32| {
        let mut at = pid;
        // /proc is not read at one instant, so the parents may form a cycle.
        for _ in 0..parents.len() {
            match parents.get(&at) {
                Some(&parent) if parent == of.as_raw() => return true,
                Some(&parent) => at = parent,
                None => return false,
            }
        }
        false
    };
    parents
        .keys()
        .copied()
        .filter(|&pid| descends(pid))
        .map(Pid::from_raw)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_children_and_their_children() {
        let parents = BTreeMap::from([(2, 1), (3, 2), (4, 3), (5, 1), (6, 7), (7, 6)]);
        let found = descendants(Pid::from_raw(2), &parents);
        assert_eq!(found, [Pid::from_raw(3), Pid::from_raw(4)]);
    }

    #[test]
    fn a_process_name_may_contain_a_bracket_and_a_zombie_has_no_parent() {
        assert_eq!(parent_of("7 (a) b) S 3 7 7"), Some(3));
        assert_eq!(parent_of("7 (x) Z 3 7 7"), None);
    }
}
