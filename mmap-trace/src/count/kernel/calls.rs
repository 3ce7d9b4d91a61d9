//! The table of system calls of this architecture: the class and the payload rule of each.

use mmap_trace_ebpf::{
    calls::{CALL_TABLE, Call, Rule},
    counters::Counter,
};

use libc::c_long;

use Counter::{
    SyscallsMap as Map, SyscallsOther as Other, SyscallsRead as Read, SyscallsSync as Sync,
    SyscallsTransfer as Transfer, SyscallsWrite as Write,
};

/// System calls that are not listed have class "other" and no payload.
const TABLE: &[(c_long, Counter, Rule)] = &[
    (libc::SYS_read, Read, Rule::Read),
    (libc::SYS_pread64, Read, Rule::Read),
    (libc::SYS_readv, Read, Rule::Read),
    (libc::SYS_preadv, Read, Rule::Read),
    (libc::SYS_preadv2, Read, Rule::Read),
    (libc::SYS_recvfrom, Read, Rule::ReceiveFrom),
    (libc::SYS_recvmsg, Read, Rule::ReceiveMsg),
    (libc::SYS_recvmmsg, Read, Rule::ReceiveMmsg),
    (libc::SYS_write, Write, Rule::Write),
    (libc::SYS_pwrite64, Write, Rule::Write),
    (libc::SYS_writev, Write, Rule::Write),
    (libc::SYS_pwritev, Write, Rule::Write),
    (libc::SYS_pwritev2, Write, Rule::Write),
    (libc::SYS_sendto, Write, Rule::SendTo),
    (libc::SYS_sendmsg, Write, Rule::SendMsg),
    (libc::SYS_sendmmsg, Write, Rule::SendMmsg),
    (libc::SYS_sendfile, Transfer, Rule::Transfer),
    (libc::SYS_splice, Transfer, Rule::Transfer),
    (libc::SYS_copy_file_range, Transfer, Rule::Transfer),
    (libc::SYS_tee, Transfer, Rule::None),
    (libc::SYS_vmsplice, Transfer, Rule::Vmsplice),
    (libc::SYS_process_vm_readv, Transfer, Rule::ProcessRead),
    (libc::SYS_process_vm_writev, Transfer, Rule::ProcessWrite),
    (libc::SYS_mmap, Map, Rule::Remap),
    (libc::SYS_munmap, Map, Rule::Remap),
    (libc::SYS_mremap, Map, Rule::Remap),
    (libc::SYS_mprotect, Map, Rule::Remap),
    (libc::SYS_pkey_mprotect, Map, Rule::Remap),
    (libc::SYS_madvise, Map, Rule::Remap),
    (libc::SYS_mlock, Map, Rule::None),
    (libc::SYS_mlock2, Map, Rule::None),
    (libc::SYS_munlock, Map, Rule::None),
    (libc::SYS_mlockall, Map, Rule::None),
    (libc::SYS_munlockall, Map, Rule::None),
    (libc::SYS_brk, Map, Rule::Remap),
    (libc::SYS_remap_file_pages, Map, Rule::Remap),
    (libc::SYS_fsync, Sync, Rule::None),
    (libc::SYS_fdatasync, Sync, Rule::None),
    (libc::SYS_msync, Sync, Rule::None),
    (libc::SYS_sync_file_range, Sync, Rule::None),
    (libc::SYS_syncfs, Sync, Rule::None),
    (libc::SYS_execve, Other, Rule::Remap),
    (libc::SYS_execveat, Other, Rule::Remap),
    (libc::SYS_shmat, Other, Rule::Remap),
    (libc::SYS_shmdt, Other, Rule::Remap),
    (libc::SYS_clone, Other, Rule::Fork),
    (libc::SYS_clone3, Other, Rule::Fork),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_fork, Other, Rule::Fork),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_vfork, Other, Rule::Fork),
    (libc::SYS_io_uring_setup, Other, Rule::Ring),
    (libc::SYS_io_uring_enter, Other, Rule::Uncounted),
    (libc::SYS_io_submit, Other, Rule::Uncounted),
];

/// The table indexed by the number of the call, for the kernel programs.
#[must_use]
pub fn table() -> [[u8; 2]; CALL_TABLE] {
    let mut calls = [Call::OTHER; CALL_TABLE];
    for &(number, class, rule) in TABLE {
        if let Some(call) = usize::try_from(number).ok().and_then(|n| calls.get_mut(n)) {
            *call = Call::new(class, rule);
        }
    }
    calls.map(|call| [call.class, call.rule])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_call_has_its_entry_in_the_table() {
        let table = table();
        for &(number, class, rule) in TABLE {
            assert_eq!(
                table[usize::try_from(number).unwrap()],
                [class as u8, rule as u8],
                "{number}"
            );
        }
        assert_eq!(table[libc::SYS_getpid as usize], [Other as u8, 0]);
    }
}
