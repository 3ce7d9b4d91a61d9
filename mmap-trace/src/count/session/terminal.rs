//! Puts the terminal back as it was, because a program of another account may leave it without echo or
//! non-blocking: flags of an open file belong to everyone who shares it.

use std::{fs, os::fd::BorrowedFd};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::termios::{SetArg, Termios, tcgetattr, tcsetattr},
    unistd::{Pid, getpgrp, getpid, getppid, getsid},
};

use super::fence::Fence;

/// What the standard streams were before the run.
pub struct Terminal {
    streams: Vec<Stream>,
    job: ShellJob,
}

struct Stream {
    descriptor: BorrowedFd<'static>,
    flags: OFlag,
    /// `None` if it is no terminal.
    settings: Option<Termios>,
}

impl Terminal {
    /// Saves nothing for a program that may change the terminal, as stty(1) does.
    #[must_use]
    pub fn save(fence: Fence) -> Terminal {
        let streams = if fence == Fence::Open {
            Vec::new()
        } else {
            (0..3).filter_map(Stream::save).collect()
        };
        let job = ShellJob::of_this_process();
        Terminal { streams, job }
    }

    /// To be called in a session without this terminal: elsewhere, a process in the background would be stopped
    /// (`__tty_check_change`).
    pub fn restore(&self) {
        self.streams.iter().for_each(Stream::restore_flags);
        // A shell or editor that is in the foreground by now has settings of its own.
        if !self.job.is_in_background() {
            self.streams.iter().for_each(Stream::restore_settings);
        }
    }
}

impl Stream {
    fn save(number: i32) -> Option<Stream> {
        // SAFETY: the tracer never closes its standard streams.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let flags = fcntl(descriptor, FcntlArg::F_GETFL).ok()?;
        Some(Stream {
            descriptor,
            flags: OFlag::from_bits_retain(flags),
            settings: tcgetattr(descriptor).ok(),
        })
    }

    fn restore_flags(&self) {
        let now = fcntl(self.descriptor, FcntlArg::F_GETFL).unwrap_or_default();
        if now != self.flags.bits() {
            let _ = fcntl(self.descriptor, FcntlArg::F_SETFL(self.flags));
        }
    }

    fn restore_settings(&self) {
        let Some(settings) = &self.settings else {
            return;
        };
        if tcgetattr(self.descriptor).is_ok_and(|now| now != *settings) {
            let _ = tcsetattr(self.descriptor, SetArg::TCSANOW, settings);
        }
    }
}

/// The tracer as the shell that started it sees it.
struct ShellJob {
    /// The tracer, and its parent, which outlives it.
    processes: [Pid; 2],
    group: Pid,
    session: Option<Pid>,
}

impl ShellJob {
    fn of_this_process() -> ShellJob {
        ShellJob {
            processes: [getpid(), getppid()],
            group: getpgrp(),
            session: getsid(None).ok(),
        }
    }

    /// Whether another process group of its session has the terminal; also `false` if nobody can tell.
    fn is_in_background(&self) -> bool {
        let read = |pid: &Pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        self.processes
            .iter()
            .find_map(|pid| foreground(&read(pid)?, self.session?))
            .is_some_and(|group| group != self.group)
    }
}

/// The process group in the foreground of a process's terminal, from its /proc/PID/stat (proc(5)); `None`
/// without a terminal, or in another session.
fn foreground(stat: &str, wanted: Pid) -> Option<Pid> {
    let (_, rest) = stat.rsplit_once(')')?;
    // The state is field 3.
    let mut fields = rest.split_whitespace().skip(3);
    let mut number = || fields.next()?.parse::<i32>().ok();
    let (session, terminal, group) = (number()?, number()?, number()?);
    (session == wanted.as_raw() && terminal != 0 && group > 0).then(|| Pid::from_raw(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_foreground_is_read_for_a_terminal_of_the_same_session() {
        let session = Pid::from_raw(20);
        let stat = |terminal: &str| format!("7 (a) b) S 3 7 20 {terminal} 4194304 1 2");
        let shell = Some(Pid::from_raw(21));
        assert_eq!(foreground(&stat("34817 21"), session), shell);
        assert_eq!(foreground(&stat("34817 21"), Pid::from_raw(22)), None);
        assert_eq!(foreground(&stat("0 -1"), session), None);
    }
}
