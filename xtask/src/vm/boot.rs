//! Boots a kernel once: takes a job, passes on its output as it comes, and returns its exit code.

use std::{
    fs::File,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use mailbox::{Frame, Inbox, Job, Kind, read_pulse, write_job};

use super::{
    console::Console,
    kvm,
    machine::{self, Accelerator, Disks},
    programs::Programs,
    store::Kernel,
};
use crate::say;

/// How long PID 1 may take to be heard: with KVM it takes about 2 s, under TCG about 4 s, and longer while the
/// CPUs are busy. A guest that needs more with KVM gains nothing from it.
const fn boot_limit(accelerator: Accelerator) -> Duration {
    Duration::from_secs(match accelerator {
        Accelerator::Kvm => 20,
        Accelerator::Tcg => 90,
    })
}

/// PID 1 beats once a second.
const SILENCE: Duration = Duration::from_mins(1);

/// After the last frame the guest only powers off.
const POWER_OFF: Duration = Duration::from_secs(5);

const POLL: Duration = Duration::from_millis(10);

/// What a guest sends back in addition to its output.
#[derive(Debug)]
pub(crate) struct Returned {
    /// The command's exit code, or 128+n if signal n ended it.
    pub(crate) code: i32,
    pub(crate) file: Vec<u8>,
}

/// How a boot ended without an exit code.
#[derive(Debug, Eq, PartialEq)]
enum Death {
    /// Nothing was ever heard from PID 1.
    NeverBooted(&'static str),
    /// PID 1 was heard from, and then the guest ended or hung.
    Later(String),
}

/// Boots `kernel`, runs `job`, and passes on its output piece by piece. A boot that stays silent is
/// repeated once.
pub(crate) fn run(
    kernel: &Kernel,
    job: &Job,
    programs: &Programs<'_>,
    initramfs: &File,
    mut output: impl FnMut(Kind, &[u8]),
) -> Result<Returned> {
    let mut attempts = Accelerator::attempts(programs.cache())
        .into_iter()
        .peekable();
    while let Some(accelerator) = attempts.next() {
        let initramfs = initramfs.try_clone().context("dup(initramfs)")?;
        let disks = Disks::new(initramfs, programs)?;
        write_job(&disks.mailbox, job).context("write(job)")?;
        let mut child = machine::start(kernel, &disks, accelerator, programs)?;
        let console = Console::of(&mut child);
        let ended = watch(&mut child, &disks.mailbox, accelerator, &mut output);
        let _ = child.kill();
        child.wait().context("wait(qemu)")?;
        let console = console.ended();
        match (ended?, attempts.peek()) {
            (Ok(returned), _) => return Ok(returned),
            // PID 1 ran and gave up, and would do so again.
            (Err(Death::NeverBooted(_)), _) if console.has_complaint_of_pid_1() => {
                bail!("Linux {} cannot be used in a VM{console}", kernel.name)
            }
            (Err(Death::NeverBooted(how)), Some(next)) => {
                if accelerator == Accelerator::Kvm {
                    kvm::remember_failure(programs.cache());
                }
                say::note(format_args!(
                    "Linux {} {how} with {}; trying again with {}",
                    kernel.name,
                    accelerator.name(),
                    next.name()
                ));
            }
            (Err(Death::NeverBooted(how)), None) => {
                bail!("Linux {} {how}, twice{console}", kernel.name)
            }
            (Err(Death::Later(how)), _) => bail!("Linux {}: {how}{console}", kernel.name),
        }
    }
    bail!("Linux {} was not started", kernel.name)
}

fn watch(
    child: &mut Child,
    mailbox: &File,
    accelerator: Accelerator,
    output: &mut impl FnMut(Kind, &[u8]),
) -> Result<Result<Returned, Death>> {
    let mut inbox = Inbox::new(mailbox.try_clone().context("dup(mailbox)")?);
    let (mut beats, mut heard) = (0, Instant::now());
    let mut file = Vec::new();
    loop {
        // Checked before the mailbox is read, so that everything an ended guest has sent is there.
        let has_ended = child.try_wait().context("wait(qemu)")?.is_some();
        while let Some(Frame { kind, bytes }) = inbox.next_frame().context("read(mailbox)")? {
            match kind {
                Kind::Stdout | Kind::Stderr => output(kind, &bytes),
                Kind::File => file.extend(bytes),
                Kind::Failed => return Ok(Err(Death::Later(text(&bytes)))),
                Kind::Exit => {
                    let code = text(&bytes).parse().context("the guest's exit code")?;
                    wait_for_power_off(child)?;
                    return Ok(Ok(Returned { code, file }));
                }
            }
        }
        let now = read_pulse(mailbox).context("read(mailbox)")?;
        if now != beats {
            (beats, heard) = (now, Instant::now());
        }
        if let Some(death) = judge(has_ended, beats, heard.elapsed(), boot_limit(accelerator)) {
            return Ok(Err(death));
        }
        thread::sleep(POLL);
    }
}

/// Whether a guest with these signs of life is dead, and how it died.
fn judge(has_ended: bool, beats: u64, silent: Duration, boot: Duration) -> Option<Death> {
    match (has_ended, beats) {
        (true, 0) => Some(Death::NeverBooted("ended before PID 1 started")),
        (true, _) => Some(Death::Later(
            "the guest ended before its command did".to_owned(),
        )),
        (false, 0) if silent > boot => Some(Death::NeverBooted("did not boot")),
        (false, 1..) if silent > SILENCE => Some(Death::Later(format!(
            "the guest hangs: nothing has been heard from PID 1 for {} s",
            SILENCE.as_secs()
        ))),
        _ => None,
    }
}

fn wait_for_power_off(child: &mut Child) -> Result<()> {
    let begin = Instant::now();
    while begin.elapsed() < POWER_OFF && child.try_wait().context("wait(qemu)")?.is_none() {
        thread::sleep(POLL);
    }
    Ok(())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_dead_once_it_has_ended_or_stayed_silent() {
        let moment = Duration::from_secs(1);
        let boot = boot_limit(Accelerator::Tcg);
        assert_eq!(judge(false, 0, moment, boot), None);
        assert_eq!(judge(false, 7, moment, boot), None);
        assert!(matches!(
            judge(true, 0, moment, boot),
            Some(Death::NeverBooted(_))
        ));
        assert!(matches!(
            judge(true, 7, moment, boot),
            Some(Death::Later(_))
        ));
        assert!(matches!(
            judge(false, 0, boot * 2, boot),
            Some(Death::NeverBooted(_))
        ));
        assert!(matches!(
            judge(false, 7, SILENCE * 2, boot),
            Some(Death::Later(_))
        ));
    }
}
