//! The tables of system calls: the class and the payload rule of each number.
//!
//! *Payload* is what a program reads from or writes to a file, pipe, socket, message queue or another process
//! through a call that moves bytes, as read(2) and write(2) do. What describes an operation or answers a
//! question is an argument or a result: names, directory entries, attributes, keys, options, random numbers,
//! and images that the kernel itself consumes.
//!
//! Every call has a class here, by name: payload by a rule, no payload, or a declared loss. A number without
//! a class is a loss when the kernel carries it out, so a kernel that is newer than these tables cannot hide
//! bytes.

use mmap_trace_ebpf::{
    calls::{CALL_TABLE, Call, Rule},
    counters::Counter,
};

use Counter::{
    SyscallsMap as Map, SyscallsOther as Other, SyscallsRead as Read, SyscallsSync as Sync,
    SyscallsTransfer as Transfer, SyscallsWrite as Write,
};

/// The calls that move payload or belong to a class that is counted separately. 32-bit calls have the same
/// names, some with the width of their arguments.
const RULES: &[(Counter, Rule, &str)] = &[
    (Read, Rule::Read, "read pread64 readv preadv preadv2"),
    (Read, Rule::ReceiveFrom, "recvfrom"),
    (Read, Rule::ReceiveMsg, "recvmsg"),
    (Read, Rule::ReceiveMmsg, "recvmmsg recvmmsg_time64"),
    (Write, Rule::Write, "write pwrite64 writev pwritev pwritev2"),
    (Write, Rule::SendTo, "sendto"),
    (Write, Rule::SendMsg, "sendmsg"),
    (Write, Rule::SendMmsg, "sendmmsg"),
    (
        Other,
        Rule::QueueSend,
        "msgsnd mq_timedsend mq_timedsend_time64",
    ),
    (
        Other,
        Rule::QueueReceive,
        "msgrcv mq_timedreceive mq_timedreceive_time64",
    ),
    (
        Transfer,
        Rule::Transfer,
        "sendfile sendfile64 splice copy_file_range",
    ),
    (Transfer, Rule::None, "tee"),
    (Transfer, Rule::Vmsplice, "vmsplice"),
    (Transfer, Rule::ProcessRead, "process_vm_readv"),
    (Transfer, Rule::ProcessWrite, "process_vm_writev"),
    (
        Map,
        Rule::Remap,
        "mmap mmap2 munmap mremap mprotect pkey_mprotect madvise brk remap_file_pages",
    ),
    (Map, Rule::None, "mlock mlock2 munlock mlockall munlockall"),
    (
        Sync,
        Rule::None,
        "fsync fdatasync msync sync_file_range syncfs",
    ),
    (Other, Rule::Remap, "execve execveat shmat shmdt"),
    (Other, Rule::Fork, "clone clone3 fork vfork"),
    (
        Other,
        Rule::Open,
        "open openat openat2 creat socket accept accept4 dup",
    ),
    (Other, Rule::Close, "close"),
    (Other, Rule::CloseRange, "close_range"),
    (Other, Rule::Duplicate, "dup2 dup3"),
    (Other, Rule::Ring, "io_uring_setup"),
    (Other, Rule::Enter, "io_uring_enter"),
    (Other, Rule::AioSubmit, "io_submit"),
    (
        Other,
        Rule::AioEvents,
        "io_getevents io_pgetevents io_pgetevents_time64",
    ),
    (Other, Rule::SocketOption, "getsockopt"),
    (Other, Rule::Control, "ioctl"),
    (Other, Rule::SocketCall, "socketcall"),
    (Other, Rule::InterProcessCall, "ipc"),
    (Other, Rule::None, include_str!("calls/no_payload.txt")),
];

#[cfg(target_arch = "x86_64")]
const NATIVE: &str = include_str!("calls/x86_64.txt");
#[cfg(target_arch = "aarch64")]
const NATIVE: &str = include_str!("calls/aarch64.txt");
#[cfg(target_arch = "x86_64")]
const OF_32_BITS: &str = include_str!("calls/i386.txt");
/// The kernel programs recognize 32-bit calls on x86 only.
#[cfg(not(target_arch = "x86_64"))]
const OF_32_BITS: &str = "";

/// The native table, indexed by the number of the call, for the kernel programs.
#[must_use]
pub fn native() -> [[u8; 2]; CALL_TABLE] {
    table(NATIVE)
}

/// The table of 32-bit calls.
#[must_use]
pub fn of_32_bits() -> [[u8; 2]; CALL_TABLE] {
    table(OF_32_BITS)
}

fn table(numbers: &str) -> [[u8; 2]; CALL_TABLE] {
    let mut calls = [Call::UNKNOWN; CALL_TABLE];
    for (number, name) in numbered(numbers) {
        if let (Some(entry), Some(call)) = (calls.get_mut(number), class_of(name)) {
            *entry = call;
        }
    }
    calls.map(|call| [call.class, call.rule])
}

/// The numbers and names of a file in `calls/`.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    lines(text).filter_map(|line| {
        let (number, name) = line.split_once(' ')?;
        Some((number.parse().ok()?, name))
    })
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.starts_with('#'))
}

fn class_of(name: &str) -> Option<Call> {
    RULES
        .iter()
        .find(|(_, _, names)| {
            lines(names)
                .flat_map(str::split_whitespace)
                .any(|known| known == name)
        })
        .map(|&(class, rule, _)| Call::new(class, rule))
}

/// The kernel's functions for system calls whose call has no class. `symbols` is the text of
/// `/proc/kallsyms`, which names the functions to every user.
#[must_use]
pub fn without_class(symbols: &str) -> Vec<&str> {
    let mut missing: Vec<&str> = symbols
        .lines()
        .filter_map(function)
        .filter(|name| class_of(name).or_else(|| class_of(name_of(name))).is_none())
        .collect();
    missing.sort_unstable();
    missing.dedup();
    missing
}

/// The name of a system call's function in a line of `/proc/kallsyms`. A weak symbol (`W`) is the stub of a
/// call that this kernel does not have (`kernel/sys_ni.c`); a name with a dot is part of another function.
fn function(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().skip(1);
    let (kind, symbol) = (words.next()?, words.next()?);
    let name = ["__x64_sys_", "__arm64_sys_", "__ia32_compat_sys_"]
        .iter()
        .find_map(|prefix| symbol.strip_prefix(prefix))?;
    (kind != "W" && !name.contains('.') && name != "ni_syscall").then_some(name)
}

/// The call that a function of the kernel carries out, where the names differ.
fn name_of(function: &str) -> &str {
    match function {
        "gethostname" => "uname",
        "recv" => "recvfrom",
        "send" => "sendto",
        "mmap_pgoff" => "mmap",
        "llseek" => "_llseek",
        "preadv64" | "preadv64v2" => "preadv",
        "pwritev64" | "pwritev64v2" => "pwritev",
        _ => {
            let prefixes = ["ia32_", "x32_", "old_", "old", "new"];
            let suffixes = ["_time32", "32", "16", "2"];
            let name = prefixes
                .iter()
                .find_map(|prefix| function.strip_prefix(prefix))
                .unwrap_or(function);
            suffixes
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))
                .unwrap_or(name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_each_table_has_a_class() {
        for text in [
            include_str!("calls/x86_64.txt"),
            include_str!("calls/i386.txt"),
            include_str!("calls/aarch64.txt"),
        ] {
            for (number, name) in numbered(text) {
                assert!(class_of(name).is_some(), "{number} {name}");
                assert!(number < CALL_TABLE, "{number} {name}");
            }
        }
    }

    #[test]
    fn no_name_has_two_classes() {
        let mut names: Vec<&str> = RULES
            .iter()
            .flat_map(|(_, _, names)| lines(names).flat_map(str::split_whitespace))
            .collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn numbers_are_those_of_the_c_library() {
        let table = native();
        let entry = |number: libc::c_long| table[usize::try_from(number).unwrap()];
        for (number, class, rule) in [
            (libc::SYS_read, Read, Rule::Read),
            (libc::SYS_pwritev2, Write, Rule::Write),
            (libc::SYS_mq_timedreceive, Other, Rule::QueueReceive),
            (libc::SYS_copy_file_range, Transfer, Rule::Transfer),
            (libc::SYS_io_uring_setup, Other, Rule::Ring),
            (libc::SYS_getpid, Other, Rule::None),
            (libc::SYS_close_range, Other, Rule::CloseRange),
        ] {
            assert_eq!(entry(number), [class as u8, rule as u8], "{number}");
        }
        assert_eq!(table[CALL_TABLE - 1], [Other as u8, Rule::Unknown as u8]);
    }

    #[test]
    fn a_call_that_nobody_knows_is_named() {
        let symbols = "0 T __x64_sys_newstat\n0 T __x64_sys_teleport\n0 t __x64_sys_teleport.cold\n\
                       0 W __x64_sys_rtas\n0 T vfs_read\n";
        assert_eq!(without_class(symbols), ["teleport"]);
    }

    #[test]
    fn every_call_of_the_running_kernel_has_a_class() {
        let symbols = std::fs::read_to_string("/proc/kallsyms").unwrap();
        let missing = without_class(&symbols);
        assert!(missing.is_empty(), "without a class: {}", missing.join(" "));
    }
}
