//! One CPU for what is counted, so that a fault is due to the lesson and not to the scheduler.
//!
//! A CPU may remember that a page is read-only after another CPU has made it writable: x86 tells no other
//! CPU when it only adds a permission (`ptep_set_access_flags`). A process that moves from one to the other
//! and stores there again faults once more, and the kernel finds nothing to do.

use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

const THIS_THREAD: Pid = Pid::from_raw(0);

/// Keeps the calling thread, and processes that it forks, on the CPU on which it runs.
#[derive(Debug)]
pub(crate) struct OneCpu {
    allowed_before: CpuSet,
}

impl OneCpu {
    /// `None` where the kernel refuses, as some sandboxes do; the lesson then runs wherever it is put.
    pub(crate) fn stay() -> Option<Self> {
        let allowed_before = sched_getaffinity(THIS_THREAD).ok()?;
        let mut here = CpuSet::new();
        here.set(sched_getcpu().ok()?).ok()?;
        sched_setaffinity(THIS_THREAD, &here).ok()?;
        Some(OneCpu { allowed_before })
    }
}

impl Drop for OneCpu {
    fn drop(&mut self) {
        // Refused only if all these CPUs have been taken away since; the kernel has then chosen others.
        let _ = sched_setaffinity(THIS_THREAD, &self.allowed_before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> Vec<usize> {
        let set = sched_getaffinity(THIS_THREAD).unwrap();
        (0..CpuSet::count())
            .filter(|cpu| set.is_set(*cpu).unwrap())
            .collect()
    }

    #[test]
    fn a_thread_stays_on_its_cpu_and_may_leave_it_afterwards() {
        let before = allowed();
        let one = OneCpu::stay().unwrap();
        assert_eq!(allowed(), [sched_getcpu().unwrap()]);
        drop(one);
        assert_eq!(allowed(), before);
    }
}
