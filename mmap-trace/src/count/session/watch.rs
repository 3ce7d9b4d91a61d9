//! The guardian's side: watches over the traced processes until the tracer dismisses it or dies.

use std::{
    os::fd::{AsFd as _, OwnedFd},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask},
        signalfd::{SfdFlags, SignalFd},
    },
    unistd::{Pid, getpid},
};

use super::{
    descent::ProcessList,
    guardian::{News, Request, next_request, tell},
};

/// How long processes may take to die after SIGKILL; one that waits for a disk cannot die earlier.
const KILL_LIMIT: Duration = Duration::from_secs(10);
/// How long to look for processes without a pause: a chain of processes that fork and exit is always some
/// microseconds ahead.
const CHASE: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(2);

struct Watch {
    connection: OwnedFd,
    /// The traced program; `None` once it has been reaped, when its id may be another process's.
    program: Option<Pid>,
    /// Whether a traced process may live.
    has_children: bool,
}

/// Watches until the tracer dismisses this process or dies. Then this process has nothing left to do.
pub(super) fn watch(connection: OwnedFd, program: Pid) -> nix::Result<()> {
    // Ctrl-C at the terminal and signals to the tracer's process group are not for this process.
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None)?;
    let _ = nix::unistd::setsid();
    let _ = nix::sys::prctl::set_name(c"mmap-trace-end");
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    let signals = SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    tell(&connection, News::Started(program.as_raw()));
    let mut watch = Watch {
        connection,
        program: Some(program),
        has_children: true,
    };
    loop {
        watch.reap();
        let mut ready = [
            PollFd::new(watch.connection.as_fd(), PollFlags::POLLIN),
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let has_request = ready[0].any().unwrap_or(false);
        while let Ok(Some(_)) = signals.read_signal() {}
        if has_request && !watch.serve() {
            return Ok(());
        }
    }
}

impl Watch {
    /// Carries out the next request. Returns whether there may be another one.
    fn serve(&mut self) -> bool {
        match next_request(&self.connection) {
            Some(Request::Signal(number)) => {
                self.reap();
                if let (Some(program), Ok(signal)) = (self.program, Signal::try_from(number)) {
                    let _ = kill(program, signal);
                }
            }
            Some(Request::Kill) => {
                self.kill_all();
                self.answer();
            }
            Some(Request::Count) => {
                self.reap();
                self.answer();
            }
            Some(Request::Dismiss) => return false,
            None => {
                self.kill_all();
                return false;
            }
        }
        true
    }

    fn answer(&self) {
        tell(&self.connection, News::Living(self.living()));
    }

    fn living(&self) -> i32 {
        if !self.has_children {
            return 0;
        }
        let listed = ProcessList::open().map_or(0, |list| list.descendants(getpid()).len());
        i32::try_from(listed).unwrap_or(i32::MAX).max(1)
    }

    /// Reaps what has ended, and tells the tracer.
    fn reap(&mut self) {
        loop {
            let mut status = 0;
            // SAFETY: writes the status only.
            let reaped =
                unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG | libc::__WALL) };
            match (Errno::result(reaped), self.program) {
                (Ok(0), _) => return,
                (Ok(pid), Some(program)) if pid == program.as_raw() => {
                    self.program = None;
                    tell(&self.connection, News::Ended(status));
                }
                (Ok(_) | Err(Errno::EINTR), _) => {}
                (Err(_), _) => {
                    if self.has_children {
                        self.has_children = false;
                        tell(&self.connection, News::Gone);
                    }
                    return;
                }
            }
        }
    }

    /// Kills until nothing is left. Orphans become children of this process, so it has no children only if all
    /// traced processes have ended.
    fn kill_all(&mut self) {
        let begin = Instant::now();
        let list = ProcessList::open().ok();
        while self.has_children && begin.elapsed() < KILL_LIMIT {
            if let Some(program) = self.program {
                let _ = kill(program, Signal::SIGKILL);
            }
            if let Some(list) = &list {
                list.kill_descendants(getpid());
            }
            self.reap();
            if self.has_children && begin.elapsed() > CHASE {
                std::thread::sleep(PAUSE);
            }
        }
    }
}
