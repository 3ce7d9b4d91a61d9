//! Waits for the end of the traced process, its time limit, Ctrl-C, and the log of the kernel programs.

use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus, time::Duration};

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

use super::{attend::Attendant, kernel_log::LogReader, signals};

/// How the traced process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Exited(ExitStatus),
    /// The tracer killed it at the time limit.
    TimedOut(Duration),
    /// The tracer killed it, because this signal asked the tracer to stop.
    Interrupted(i32),
}

impl End {
    /// Why the run is not complete; `None` if it is.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        match self {
            End::Exited(status) if status.success() => None,
            End::Exited(status) => Some(match (status.code(), status.signal()) {
                (Some(code), _) => format!("the program ended with exit code {code}"),
                (None, Some(number)) => format!("the program was killed by {}", name(number)),
                (None, None) => "the program ended for an unknown reason".to_owned(),
            }),
            End::TimedOut(limit) => Some(format!(
                "the time limit of {} s was reached (--timeout)",
                limit.as_secs_f64()
            )),
            End::Interrupted(number) => Some(format!("interrupted by {}", name(*number))),
        }
    }
}

fn name(number: i32) -> String {
    Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |it| it.to_string())
}

/// What a signal to the tracer does to the traced process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSignal {
    /// Kills it, if it is a lesson.
    Kill,
    /// Forwards the signal and lets the command decide, as timeout(1) does.
    Forward,
}

/// How long a signal takes, at most, from its handler to the task that listens for it.
const NOTICE: Duration = Duration::from_millis(1);

/// How often to check whether all pages are written.
const TICK: Duration = Duration::from_millis(100);

/// The runtime in which the tracer waits.
pub fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .context("cannot start the asynchronous runtime")
}

/// Waits for `child`. From here on, signals to the tracer are handled.
pub async fn wait_for(
    child: Pid,
    limit: Option<Duration>,
    on_signal: OnSignal,
    mut log: LogReader,
    mut attendant: Option<Attendant>,
) -> Result<End> {
    let mut ended = signal(SignalKind::child()).context("signal(SIGCHLD)")?;
    let mut stop = Stop::listen()?;
    let limit_reached = sleep_or_forever(limit);
    tokio::pin!(limit_reached);
    let end = loop {
        if let Some(status) = reap(child)? {
            break End::Exited(status);
        }
        let tick = sleep_or_forever(attendant.as_ref().map(Attendant::pause));
        let number = tokio::select! {
            _ = ended.recv() => continue,
            () = log.next() => continue,
            () = tick => {
                attendant.iter_mut().for_each(Attendant::tick);
                continue;
            }
            () = &mut limit_reached => {
                kill_and_reap(child)?;
                break End::TimedOut(limit.unwrap_or_default());
            }
            number = stop.next() => number,
        };
        match on_signal {
            OnSignal::Kill => {
                kill_and_reap(child)?;
                break End::Interrupted(number as i32);
            }
            // The terminal sends Ctrl-C to its whole foreground process group, including the command.
            OnSignal::Forward if number == Signal::SIGINT && in_foreground(child) => {}
            OnSignal::Forward => drop(kill(child, number)),
        }
    };
    stop.end().await?;
    log.drain();
    Ok(end)
}

/// Waits until `is_settled`, a time limit, or a signal to stop, which is kept for the next wait.
pub async fn settle(limit: Duration, mut is_settled: impl FnMut() -> Result<bool>) -> Result<()> {
    let mut stop = Stop::listen()?;
    let begin = std::time::Instant::now();
    while begin.elapsed() < limit && !is_settled()? {
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            number = stop.next() => {
                stop.end().await?;
                return signals::keep(number);
            }
        }
    }
    stop.end().await
}

async fn sleep_or_forever(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

/// A child in a session of its own does not belong to the group.
fn in_foreground(child: Pid) -> bool {
    let group = nix::unistd::getpgrp();
    let is_ours = nix::unistd::getpgid(Some(child)).is_ok_and(|its| its == group);
    is_ours && nix::unistd::tcgetpgrp(std::io::stdin()).is_ok_and(|foreground| foreground == group)
}

/// Listens for the signals that ask the tracer to stop.
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Stop {
    fn listen() -> Result<Stop> {
        let stop = Stop {
            interrupt: signal(SignalKind::interrupt()).context("signal(SIGINT)")?,
            terminate: signal(SignalKind::terminate()).context("signal(SIGTERM)")?,
            hangup: signal(SignalKind::hangup()).context("signal(SIGHUP)")?,
        };
        // Signals that were held back arrive now.
        signals::release().context("sigprocmask(SIG_UNBLOCK)")?;
        Ok(stop)
    }

    /// Holds signals back again. The handlers stay installed, so a signal that came in the meantime would be
    /// lost: it is kept for the next wait.
    async fn end(mut self) -> Result<()> {
        signals::hold()?;
        match tokio::time::timeout(NOTICE, self.next()).await {
            Ok(number) => signals::keep(number),
            Err(_) => Ok(()),
        }
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::SIGINT,
            _ = self.terminate.recv() => Signal::SIGTERM,
            _ = self.hangup.recv() => Signal::SIGHUP,
        }
    }
}

fn reap(child: Pid) -> Result<Option<ExitStatus>> {
    match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
        Ok(WaitStatus::Exited(_, code)) => Ok(Some(ExitStatus::from_raw(code << 8))),
        Ok(WaitStatus::Signaled(_, number, _)) => Ok(Some(ExitStatus::from_raw(number as i32))),
        Ok(_) | Err(Errno::EINTR) => Ok(None),
        Err(errno) => Err(errno).with_context(|| format!("waitpid({child})")),
    }
}

fn kill_and_reap(child: Pid) -> Result<()> {
    let _ = kill(child, Signal::SIGKILL);
    waitpid(child, None).with_context(|| format!("waitpid({child})"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_except_a_clean_exit_is_a_problem() {
        assert_eq!(End::Exited(ExitStatus::from_raw(0)).problem(), None);
        let text = |status| End::Exited(ExitStatus::from_raw(status)).problem().unwrap();
        assert_eq!(text(3 << 8), "the program ended with exit code 3");
        assert_eq!(text(9), "the program was killed by SIGKILL");
    }
}
