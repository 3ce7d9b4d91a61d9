//! Finds or prepares a toolchain that builds the eBPF object: a rustc with `core` for BPF, and
//! `bpf-linker`. The options are tried in this order:
//!
//! 1. the cache already holds one, made by this recipe ([`stamp`]);
//! 2. rustup has a nightly with `rust-src`, and a working `bpf-linker` is on `PATH` ([`nightly`]);
//! 3. Debian or Ubuntu: the distribution's rustc and `core` for BPF are downloaded and unpacked into
//!    the cache, and `bpf-linker` is built against their LLVM ([`debian`]). Nothing is installed,
//!    and root is not needed;
//! 4. otherwise one message shows the commands for this machine ([`elsewhere`]).
//!
//! Options 2 and 3 count only after a trial build ([`trial`]). `mmap-trace/build/ebpf.rs` uses the result.

mod debian;
mod elsewhere;
mod linker;
mod nightly;
mod shims;
mod stamp;
mod trial;

use std::{
    env,
    process::{ExitCode, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    account::{Builder, Privileges},
    cache::{Cache, Locked, Staging},
    say,
};
use stamp::{Origin, Stamp, State};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    Prepare,
    Print,
}

/// Why an option is not used, in half a sentence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    option: &'static str,
    why: String,
}

/// `cargo xtask setup`.
pub(crate) fn command(mode: Mode) -> Result<ExitCode> {
    let builder = Privileges::now().builder()?;
    if let Builder::Caller(_) = builder {
        as_caller(&builder, mode, Stdio::inherit())?;
        return Ok(ExitCode::SUCCESS);
    }
    let cache = Cache::of_this_account()?;
    match mode {
        Mode::Print => print(&cache)?,
        Mode::Prepare => {
            let stamp = prepare(&cache)?;
            println!("ready: {} ({})", stamp.detail, cache.root().display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prepares the toolchain for a build by `builder`, silently if it is ready.
pub(crate) fn ensure(builder: &Builder) -> Result<()> {
    match builder {
        Builder::Myself => prepare(&Cache::of_this_account()?).map(drop),
        // The cache belongs to the caller, so the caller fills it.
        Builder::Caller(_) => as_caller(builder, Mode::Prepare, Stdio::null()),
    }
}

fn as_caller(builder: &Builder, mode: Mode, stdout: Stdio) -> Result<()> {
    let program = env::current_exe().context("current_exe()")?;
    let mut tool = builder.run(program).arg("setup");
    if mode == Mode::Print {
        tool = tool.arg("--print");
    }
    let status = tool
        .command()
        .stdout(stdout)
        .status()
        .with_context(|| format!("cannot start `{}`", tool.line()))?;
    if !status.success() {
        bail!("set-up as the account behind sudo ended with {status}");
    }
    Ok(())
}

fn prepare(cache: &Cache) -> Result<Stamp> {
    if let State::Ready(stamp) = stamp::state(cache) {
        return Ok(stamp);
    }
    let locked = cache.lock()?;
    // Another run may have finished while this one waited.
    let why = match stamp::state(cache) {
        State::Ready(stamp) => return Ok(stamp),
        State::Missing(why) => why,
    };
    say::note(format_args!(
        "setting up the eBPF toolchain ({why}) in {}; nothing is installed, and deleting that \
         folder undoes it",
        cache.root().display()
    ));
    let staging = locked.staging()?;
    first_option(cache, &locked, &staging)
}

fn first_option(cache: &Cache, locked: &Locked<'_>, staging: &Staging) -> Result<Stamp> {
    let mut refusals = Vec::new();
    match nightly::prepare(staging)? {
        Ok(fingerprint) => {
            let stamp = Stamp::new(Origin::Nightly, fingerprint);
            let part = staging.path().join("toolchain");
            stamp.write(&part)?;
            locked.put_toolchain(staging, &part)?;
            return Ok(stamp);
        }
        Err(refusal) => refusals.push(refused(refusal)),
    }
    match debian::missing_program() {
        None => debian::prepare(cache, locked, staging),
        Some(refusal) => {
            refusals.push(refused(refusal));
            bail!(elsewhere::problem(&refusals))
        }
    }
}

fn refused(refusal: Refusal) -> Refusal {
    eprintln!("  not used: {}: {}", refusal.option, refusal.why);
    refusal
}

fn print(cache: &Cache) -> Result<()> {
    match stamp::state(cache) {
        State::Ready(stamp) => println!(
            "# Ready: {}. These commands would make it again.",
            stamp.detail
        ),
        State::Missing(why) => println!("# Not ready: {why}. Set-up would run these commands."),
    }
    if let Err(refusal) = nightly::examine()? {
        println!("# {} is not used: {}.", refusal.option, refusal.why);
    } else {
        println!(
            "# {} is used; only a trial build has to run.",
            nightly::NAME
        );
        return Ok(());
    }
    match debian::missing_program() {
        None => debian::print(cache),
        Some(refusal) => bail!(elsewhere::problem(&[refusal])),
    }
}
