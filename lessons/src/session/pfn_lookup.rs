//! Asks the tracer for page frame numbers, which the kernel shows to privileged processes only.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use mmap_trace_ebpf::session::{FRAME_ABSENT, FRAME_FOUND};
use nix::errno::Errno;
use nix::unistd::Pid;

use super::Session;

const POLL: Duration = Duration::from_micros(500);
/// Polls before the lesson stops waiting for the tracer, which is after two seconds.
const POLLS: u32 = 4000;

impl Session {
    pub(crate) fn frame(self, process: Pid, address: usize) -> nix::Result<i64> {
        let lookup = &self.page().frames;
        if lookup.open.load(Relaxed) == 0 {
            return Err(Errno::ENOSYS);
        }
        let question = lookup.asked.load(Relaxed).wrapping_add(1);
        lookup
            .process
            .store(process.as_raw().cast_unsigned(), Relaxed);
        lookup.address.store(address as u64, Relaxed);
        lookup.asked.store(question, Release);
        for _ in 0..POLLS {
            if lookup.answered.load(Acquire) == question {
                return match lookup.result.load(Relaxed) {
                    FRAME_FOUND => Ok(lookup.frame.load(Relaxed).cast_signed()),
                    FRAME_ABSENT => Err(Errno::EFAULT),
                    _ => Err(Errno::EPERM),
                };
            }
            std::thread::sleep(POLL);
        }
        Err(Errno::ETIMEDOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_tracer_the_lookup_fails_at_once() {
        let session = Session::private().expect("anonymous memory");
        assert_eq!(session.frame(Pid::this(), 0), Err(Errno::ENOSYS));
    }
}
