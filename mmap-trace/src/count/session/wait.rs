//! Waits for the end of the traced process, its time limit, Ctrl-C, and the log of the kernel programs.

use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus, task::Poll, time::Duration};

use anyhow::{Context as _, Result};
use nix::{sys::signal::Signal, unistd::Pid};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

use super::{
    attend::Attendant,
    guardian::{Guardian, News},
    kernel_log::LogReader,
    signals,
};

/// How the traced process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Exited(ExitStatus),
    /// It was still running at the time limit.
    TimedOut(Duration),
    /// It was still running when this signal asked the tracer to stop.
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
    /// Ends the wait, so that the tracer kills it, if it is a lesson.
    Stop,
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

/// Waits for the traced program. From here on, signals to the tracer are handled.
pub async fn wait_for(
    guardian: &Guardian,
    limit: Option<Duration>,
    on_signal: OnSignal,
    log: &mut LogReader,
    mut attendant: Option<Attendant>,
) -> Result<End> {
    let mut stop = Stop::listen()?;
    let limit_reached = sleep_or_forever(limit);
    tokio::pin!(limit_reached);
    let end = loop {
        let tick = sleep_or_forever(attendant.as_ref().map(Attendant::pause));
        let number = tokio::select! {
            news = guardian.next() => match news? {
                News::Ended(status) => break End::Exited(ExitStatus::from_raw(status)),
                _ => continue,
            },
            () = log.next() => continue,
            () = tick => {
                attendant.iter_mut().for_each(Attendant::tick);
                continue;
            }
            () = &mut limit_reached => break End::TimedOut(limit.unwrap_or_default()),
            number = stop.next() => number,
        };
        match on_signal {
            OnSignal::Stop => break End::Interrupted(number as i32),
            // The terminal sends these to its whole foreground process group, including the command.
            OnSignal::Forward
                if FROM_TERMINAL.contains(&number) && in_foreground(guardian.program()) => {}
            OnSignal::Forward => guardian.signal(number)?,
        }
    };
    stop.end().await?;
    Ok(end)
}

/// Waits until the last descendant of the traced program has ended, a time limit, or a signal to stop.
pub async fn follow(
    guardian: &Guardian,
    limit: Option<Duration>,
    log: &mut LogReader,
) -> Result<()> {
    let mut stop = Stop::listen()?;
    let limit_reached = sleep_or_forever(limit);
    tokio::pin!(limit_reached);
    if guardian.count()? > 0 {
        loop {
            tokio::select! {
                news = guardian.next() => if news? == News::Gone { break },
                () = log.next() => {}
                () = &mut limit_reached => break,
                _ = stop.next() => break,
            }
        }
    }
    stop.end().await
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

/// Whether both the tracer and the program are in the foreground. A program in a session of its own is not.
fn in_foreground(program: Pid) -> bool {
    let group = nix::unistd::getpgrp();
    let is_ours = nix::unistd::getpgid(Some(program)).is_ok_and(|its| its == group);
    is_ours && nix::unistd::tcgetpgrp(std::io::stdin()).is_ok_and(|foreground| foreground == group)
}

/// Signals that the terminal sends: Ctrl-C and Ctrl-\.
const FROM_TERMINAL: [Signal; 2] = [Signal::SIGINT, Signal::SIGQUIT];

/// Listens for the signals that ask the tracer to stop.
struct Stop(Vec<(Signal, tokio::signal::unix::Signal)>);

impl Stop {
    fn listen() -> Result<Stop> {
        let listen = |number: Signal| {
            let kind = SignalKind::from_raw(number as i32);
            let arrived = signal(kind).with_context(|| format!("signal({number})"))?;
            Ok((number, arrived))
        };
        let stop = Stop(
            signals::STOPPING
                .into_iter()
                .map(listen)
                .collect::<Result<_>>()?,
        );
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
        std::future::poll_fn(|context| {
            let arrived = self.0.iter_mut().find_map(|(number, signal)| {
                signal.poll_recv(context).is_ready().then_some(*number)
            });
            arrived.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
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
