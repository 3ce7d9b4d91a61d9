//! Who descends from a process, as /proc shows it, and how they are killed.

use std::{
    collections::BTreeMap,
    fs, io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use nix::{errno::Errno, unistd::Pid};

/// A directory like /proc that shows the pid namespace of this process.
pub struct ProcessList {
    path: String,
    // Keeps the mount of our own, if there is one.
    _mount: Option<OwnedFd>,
}

/// What /proc/PID/stat says about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    parent: i32,
    /// When it started, in clock ticks since boot: tells it from another process with the same id.
    started: u64,
}

impl ProcessList {
    /// Finds a list of the processes that this process can signal. In a container, /proc may be that of the
    /// host: there each number means another process. Then this mounts one of its own, which needs
    /// `CAP_SYS_ADMIN`.
    pub fn open() -> io::Result<Self> {
        let list = ProcessList {
            path: "/proc".to_owned(),
            _mount: None,
        };
        if list.is_ours() {
            return Ok(list);
        }
        let mount = mount_proc()?;
        let list = ProcessList {
            // Whichever namespace /proc shows, `self` is this process.
            path: format!("/proc/self/fd/{}", mount.as_raw_fd()),
            _mount: Some(mount),
        };
        if list.is_ours() {
            Ok(list)
        } else {
            Err(io::Error::other(
                "/proc shows the processes of another pid namespace",
            ))
        }
    }

    /// `NSpid` lists the ids of a process from the namespace that the directory shows down to its own.
    fn is_ours(&self) -> bool {
        let Ok(status) = fs::read_to_string(format!("{}/self/status", self.path)) else {
            return false;
        };
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        numbers.is_some_and(|numbers| numbers.trim() == std::process::id().to_string())
    }

    /// The directory of a process.
    #[must_use]
    pub fn path_of(&self, pid: u32) -> String {
        format!("{}/{pid}", self.path)
    }

    fn process(&self, pid: i32) -> Option<Process> {
        parse(&fs::read_to_string(format!("{}/{pid}/stat", self.path)).ok()?)
    }

    /// Every process that is not a zombie.
    fn processes(&self) -> BTreeMap<i32, Process> {
        fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
                Some((pid, self.process(pid)?))
            })
            .collect()
    }

    /// The living descendants of a process.
    #[must_use]
    pub fn descendants(&self, of: Pid) -> Vec<Pid> {
        let found = descendants(of.as_raw(), &self.processes());
        found.into_keys().map(Pid::from_raw).collect()
    }

    /// Sends SIGKILL to every descendant that lives at this moment.
    pub fn kill_descendants(&self, of: Pid) {
        for (pid, process) in descendants(of.as_raw(), &self.processes()) {
            // The descriptor stays that of one process; the start time says that it is the one in the list.
            if let Ok(descriptor) = pidfd_open(pid)
                && self.process(pid) == Some(process)
            {
                // SAFETY: the call reads no memory.
                unsafe {
                    libc::syscall(
                        libc::SYS_pidfd_send_signal,
                        descriptor.as_raw_fd(),
                        libc::SIGKILL,
                        std::ptr::null::<libc::siginfo_t>(),
                        0,
                    )
                };
            }
        }
    }

    /// Whether a process descends from another. The parents are read twice: a number that was reused in
    /// between would be another process's parent by then.
    #[must_use]
    pub fn descends(&self, pid: Pid, from: Pid) -> bool {
        let line = self.line_of(pid.as_raw(), from.as_raw());
        line.is_some() && line == self.line_of(pid.as_raw(), from.as_raw())
    }

    /// The processes between a process and an ancestor; `None` if it does not descend from it.
    fn line_of(&self, pid: i32, ancestor: i32) -> Option<Vec<Process>> {
        let mut line = vec![self.process(pid)?];
        loop {
            let parent = line.last()?.parent;
            if parent == ancestor {
                return Some(line);
            }
            line.push(self.process(parent)?);
        }
    }
}

/// Mounts procfs of this pid namespace where no path leads to it.
fn mount_proc() -> io::Result<OwnedFd> {
    const CREATE: libc::c_uint = 6; // FSCONFIG_CMD_CREATE
    let owned = |result: libc::c_long| {
        let number = Errno::result(result)? as i32;
        // SAFETY: the descriptor is new, so nothing else owns it.
        Ok::<_, Errno>(unsafe { OwnedFd::from_raw_fd(number) })
    };
    // SAFETY: the calls read only the strings given here.
    unsafe {
        let context = owned(libc::syscall(libc::SYS_fsopen, c"proc".as_ptr(), 1))?;
        let none = std::ptr::null::<libc::c_void>();
        Errno::result(libc::syscall(
            libc::SYS_fsconfig,
            context.as_raw_fd(),
            CREATE,
            none,
            none,
            0,
        ))?;
        Ok(owned(libc::syscall(
            libc::SYS_fsmount,
            context.as_raw_fd(),
            1,
            0,
        ))?)
    }
}

fn pidfd_open(pid: i32) -> nix::Result<OwnedFd> {
    // SAFETY: the call reads no memory.
    let number = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: the descriptor is new, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number as i32) })
}

/// Fields of /proc/PID/stat, see proc(5); the name in front of them may hold any character. A zombie is gone,
/// unless it is the leader of threads that still run.
fn parse(stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
    // The state is field 3.
    let (state, parent, threads, started) = (fields.first()?, number(1)?, number(17)?, number(19)?);
    let is_gone = *state == "X" || *state == "Z" && threads <= 1;
    (!is_gone).then_some(Process {
        parent: i32::try_from(parent).ok()?,
        started,
    })
}

fn descendants(of: i32, processes: &BTreeMap<i32, Process>) -> BTreeMap<i32, Process> {
    let descends = |process: &Process| {
        let mut parent = process.parent;
        // /proc is not read at one instant, so the parents may form a cycle.
        for _ in 0..processes.len() {
            if parent == of {
                return true;
            }
            match processes.get(&parent) {
                Some(process) => parent = process.parent,
                None => return false,
            }
        }
        false
    };
    let all = processes.iter().map(|(&pid, &process)| (pid, process));
    all.filter(|(_, process)| descends(process)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_children_and_their_children() {
        let processes = [(2, 1), (3, 2), (4, 3), (5, 1), (6, 7), (7, 6)]
            .map(|(pid, parent)| (pid, Process { parent, started: 0 }))
            .into();
        let found: Vec<i32> = descendants(2, &processes).into_keys().collect();
        assert_eq!(found, [3, 4]);
    }

    #[test]
    fn a_name_may_contain_a_bracket_and_a_zombie_is_gone_unless_its_threads_run() {
        let stat = |state: &str, threads: u32| {
            let zeros = "0 ".repeat(15);
            format!("7 (a) b) {state} 3 {zeros}{threads} 0 99 0")
        };
        let process = Process {
            parent: 3,
            started: 99,
        };
        assert_eq!(parse(&stat("S", 1)), Some(process));
        assert_eq!(parse(&stat("Z", 1)), None);
        assert_eq!(parse(&stat("Z", 2)), Some(process));
    }

    #[test]
    fn this_process_descends_from_its_parent_and_not_from_itself() {
        let list = ProcessList::open().unwrap();
        let (own, parent) = (nix::unistd::getpid(), nix::unistd::getppid());
        assert!(list.descends(own, parent));
        assert!(!list.descends(own, own));
        assert!(list.descendants(parent).contains(&own));
    }
}
