//! The fence around a lesson or another account's command: its own session, limits, and an account that is
//! read back, because a change of ids can succeed and change nothing.

use nix::{
    errno::Errno,
    fcntl::{OFlag, open},
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        stat::Mode,
    },
    unistd::{getresgid, getresuid},
};

use super::identity::Identity;

/// What separates a traced program from the user of the tracer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// Nothing: a command of the same user stays as interactive as under env(1).
    Open,
    /// A session of its own, without a controlling terminal into which it could type (TIOCSTI).
    Session,
    /// Also no terminal to read from, no way to gain privileges, and limits.
    Lesson,
}

/// An upper limit for one resource of the traced program.
pub type Limit = (Resource, u64);

/// Processes and threads that a lesson may add to those of its account.
const PROCESSES: u64 = 1024;
/// The kernel keeps eight bytes per descriptor in the table of each process (`alloc_fdtable`).
const DESCRIPTORS: u64 = 65_536;
/// What one file may have beyond four times the data.
const SPARE_FILE_BYTES: u64 = 1 << 30;

/// The limits of a lesson whose account has `tasks` tasks already. Memory has none, because lessons map more than
/// they touch: see `die_first`.
#[must_use]
pub fn limits(tasks: u64, size_bytes: u64, cpu_seconds: u64) -> Vec<Limit> {
    let file_bytes = size_bytes
        .saturating_mul(4)
        .saturating_add(SPARE_FILE_BYTES);
    vec![
        // Stops a fork bomb.
        (Resource::RLIMIT_NPROC, tasks.saturating_add(PROCESSES)),
        (Resource::RLIMIT_NOFILE, DESCRIPTORS),
        // Stops one file from filling the disk.
        (Resource::RLIMIT_FSIZE, file_bytes),
        // For each process: stops an endless loop even if the tracer cannot.
        (Resource::RLIMIT_CPU, cpu_seconds),
        // A crash leaves no dump of what it mapped.
        (Resource::RLIMIT_CORE, 0),
    ]
}

/// Lowers the limits of this process; none is raised.
pub(super) fn apply(limits: &[Limit]) -> nix::Result<()> {
    for &(resource, most) in limits {
        let (soft, hard) = getrlimit(resource)?;
        let hard = hard.min(most);
        setrlimit(resource, soft.min(hard), hard)?;
    }
    Ok(())
}

/// Makes the kernel kill this process and its descendants before others when memory runs out. A lesson can take
/// that back unless the tracer has `CAP_SYS_RESOURCE` (`__set_oom_adj`, fs/proc/base.c).
pub(super) fn die_first() {
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    // Without /proc, the kernel chooses by size alone.
    if let Ok(file) = open(c"/proc/self/oom_score_adj", flags, Mode::empty()) {
        let _ = nix::unistd::write(file, b"1000");
    }
}

/// Switches to the account without any capability, also none that could be inherited.
pub(super) fn become_account(identity: &Identity) -> nix::Result<()> {
    nix::unistd::setgroups(&[])?;
    nix::unistd::setresgid(identity.gid, identity.gid, identity.gid)?;
    nix::unistd::setresuid(identity.uid, identity.uid, identity.uid)?;
    if identity.uid.is_root() {
        return Ok(());
    }
    drop_capabilities()
}

/// The last capability that the kernel's two words of 32 bits can hold.
const CAPABILITIES: libc::c_ulong = 64;

/// Empties the bounding set, as far as the process may.
pub(super) fn drop_bounding_set() {
    for capability in 0..CAPABILITIES {
        // SAFETY: prctl(PR_CAPBSET_DROP) reads no memory. It fails for a capability that the kernel lacks.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
}

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: libc::c_int,
}

/// `_LINUX_CAPABILITY_VERSION_3` (include/uapi/linux/capability.h).
static HEADER: CapabilityHeader = CapabilityHeader {
    version: 0x2008_0522,
    pid: 0,
};

/// Effective, permitted and inheritable, twice 32 bits.
type CapabilitySets = [[u32; 3]; 2];

fn drop_capabilities() -> nix::Result<()> {
    let none: CapabilitySets = [[0; 3]; 2];
    // SAFETY: the kernel reads a header and two sets.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, &raw const HEADER, none.as_ptr()) })
        .map(drop)
}

fn has_no_capability(_: &Identity) -> bool {
    let mut sets: CapabilitySets = [[u32::MAX; 3]; 2];
    // SAFETY: the kernel reads the header and writes two sets.
    let answer = unsafe { libc::syscall(libc::SYS_capget, &raw const HEADER, sets.as_mut_ptr()) };
    answer == 0 && sets == [[0; 3]; 2]
}

fn has_no_ambient_capability(_: &Identity) -> bool {
    (0..CAPABILITIES).all(|capability| {
        // SAFETY: prctl(PR_CAP_AMBIENT_IS_SET) reads no memory.
        let answer = unsafe {
            libc::prctl(
                libc::PR_CAP_AMBIENT,
                libc::PR_CAP_AMBIENT_IS_SET as libc::c_ulong,
                capability,
                0 as libc::c_ulong,
                0 as libc::c_ulong,
            )
        };
        answer != 1
    })
}

fn has_user_ids(identity: &Identity) -> bool {
    let wanted = identity.uid;
    getresuid().is_ok_and(|ids| (ids.real, ids.effective, ids.saved) == (wanted, wanted, wanted))
}

fn has_group_ids(identity: &Identity) -> bool {
    let wanted = identity.gid;
    getresgid().is_ok_and(|ids| (ids.real, ids.effective, ids.saved) == (wanted, wanted, wanted))
}

fn has_no_group(_: &Identity) -> bool {
    // SAFETY: with length 0 the kernel only counts the groups.
    unsafe { libc::getgroups(0, std::ptr::null_mut()) == 0 }
}

fn may_gain_nothing(_: &Identity) -> bool {
    nix::sys::prctl::get_no_new_privs().unwrap_or(false)
}

/// The message if a requirement is not met, and whether it is.
type Requirement = (&'static str, fn(&Identity) -> bool);

const ACCOUNT: [Requirement; 3] = [
    ("its user ids are not those of its account\n", has_user_ids),
    (
        "its group ids are not those of its account\n",
        has_group_ids,
    ),
    ("it is still in groups of the tracer\n", has_no_group),
];

const UNPRIVILEGED: [Requirement; 2] = [
    ("it still has capabilities\n", has_no_capability),
    (
        "it still has ambient capabilities\n",
        has_no_ambient_capability,
    ),
];

const LESSON: [Requirement; 1] = [("it could still gain privileges\n", may_gain_nothing)];

/// Reads back what the process may do, and returns what is wrong.
fn difference(identity: &Identity, fence: Fence) -> Option<&'static str> {
    let unprivileged: &[Requirement] = if identity.uid.is_root() {
        &[]
    } else {
        &UNPRIVILEGED
    };
    let lesson: &[Requirement] = if fence == Fence::Lesson { &LESSON } else { &[] };
    ACCOUNT
        .iter()
        .chain(unprivileged)
        .chain(lesson)
        .find(|(_, holds)| !holds(identity))
        .map(|(message, _)| *message)
}

/// Fails, and says why on standard error, if the process may do more than its account.
pub(super) fn verify(identity: &Identity, fence: Fence) -> nix::Result<()> {
    let Some(difference) = difference(identity, fence) else {
        return Ok(());
    };
    for part in [
        "error: the traced process was not started after its change of account: ",
        difference,
    ] {
        let _ = nix::unistd::write(std::io::stderr(), part.as_bytes());
    }
    Err(Errno::EPERM)
}

#[cfg(test)]
mod tests {
    use nix::unistd::{Gid, Uid, getgid, getuid};

    use super::*;

    fn identity(uid: Uid, gid: Gid) -> Identity {
        Identity {
            uid,
            gid,
            name: String::new(),
        }
    }

    #[test]
    fn a_process_with_other_ids_is_recognised() {
        let other = identity(Uid::from_raw(54_321), getgid());
        let found = difference(&other, Fence::Lesson).unwrap();
        assert!(found.contains("user ids"), "{found}");
        let other = identity(getuid(), Gid::from_raw(54_321));
        let found = difference(&other, Fence::Session).unwrap();
        assert!(found.contains("group ids"), "{found}");
    }

    #[test]
    fn limits_are_lowered_and_never_raised() {
        // No other test wants a core dump.
        apply(&[(Resource::RLIMIT_CORE, 0)]).unwrap();
        apply(&[(Resource::RLIMIT_CORE, 1 << 20)]).unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
    }

    #[test]
    fn the_largest_size_overflows_no_limit() {
        let limits = limits(u64::MAX, u64::MAX, 1);
        assert!(limits.contains(&(Resource::RLIMIT_FSIZE, u64::MAX)));
        assert!(limits.contains(&(Resource::RLIMIT_NPROC, u64::MAX)));
    }
}
