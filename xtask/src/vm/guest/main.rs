//! PID 1 of a VM: mounts what programs expect, runs one command, sends its output to the host, and powers
//! off. `xtask/src/vm` boots it.

mod command;
mod disks;
mod huge_pages;
mod loopback;
mod modules;
mod mounts;

use std::{
    io::Write as _,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use anyhow::{Context as _, Result};
use mailbox::{Kind, Outbox};
use nix::sys::reboot::{RebootMode, reboot};

fn main() -> ExitCode {
    if std::process::id() != 1 {
        say("this program is PID 1 of a VM; `cargo xtask run LESSON --kernel 6.12` boots one");
        return ExitCode::from(2);
    }
    if let Err(error) = serve() {
        // The host shows the last lines of the console if it gets nothing else.
        say(&format!("guest: {error:#}"));
    }
    // It returns only if it failed; then the end of PID 1 panics the kernel, which ends the guest too.
    let Err(error) = reboot(RebootMode::RB_POWER_OFF);
    say(&format!("guest: reboot(RB_POWER_OFF): {error}"));
    ExitCode::FAILURE
}

fn serve() -> Result<()> {
    mounts::pseudo()?;
    huge_pages::let_sleep()?;
    modules::load()?;
    let disk = disks::mailbox()?;
    let outbox = Outbox::new(disk.try_clone().context("dup(mailbox)")?);
    let outbox = Arc::new(Mutex::new(outbox.context("mmap(outbox)")?));
    disks::beat(disk.try_clone().context("dup(mailbox)")?)?;
    let ended = prepare().and_then(|()| command::run(&disk, &outbox));
    ended.or_else(|error| {
        command::send(&outbox, Kind::Failed, format!("{error:#}").as_bytes())
            .context("send(failure)")
    })
}

fn prepare() -> Result<()> {
    loopback::up()?;
    mounts::work_disk()
}

/// Prints a line on the console, the only way out before the mailbox is open.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
