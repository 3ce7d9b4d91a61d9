//! Page frame numbers, which only the tracer may know.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use mmap_trace_ebpf::session::{FRAME_ABSENT, FRAME_FOUND};
use nix::errno::Errno;
use nix::unistd::Pid;

use super::Session;

/// How long one look at the desk is apart from the next.
const NAP: Duration = Duration::from_micros(500);
/// Naps until a tracer that does not answer is given up: two seconds.
const NAPS: u32 = 4000;

impl Session {
    /// Asks the tracer, and waits for its answer.
    pub(crate) fn frame(self, process: Pid, address: usize) -> nix::Result<i64> {
        let desk = &self.page().frames;
        if desk.open.load(Relaxed) == 0 {
            return Err(Errno::ENOSYS);
        }
        let question = desk.asked.load(Relaxed).wrapping_add(1);
        desk.process
            .store(process.as_raw().cast_unsigned(), Relaxed);
        desk.address.store(address as u64, Relaxed);
        desk.asked.store(question, Release);
        for _ in 0..NAPS {
            if desk.answered.load(Acquire) == question {
                return match desk.result.load(Relaxed) {
                    FRAME_FOUND => Ok(desk.frame.load(Relaxed).cast_signed()),
                    FRAME_ABSENT => Err(Errno::EFAULT),
                    _ => Err(Errno::EPERM),
                };
            }
            std::thread::sleep(NAP);
        }
        Err(Errno::ETIMEDOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_tracer_nobody_is_waited_for() {
        let session = Session::private().expect("anonymous memory");
        assert_eq!(session.frame(Pid::this(), 0), Err(Errno::ENOSYS));
    }
}
