//! `cargo xtask test`: format, lints, documentation, the course, and all tests, here and in VMs with other
//! kernels. The last line is the sum.

mod checks;
mod failures;
mod needs;
mod progress;
mod skips;
mod tally;
mod vms;

use std::{collections::BTreeMap, env, path::PathBuf, process::ExitCode, thread};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{self, SigHandler, Signal};

use crate::{
    account::{Builder, Privileges},
    build, course,
    ownership::Ownership,
    say, setup,
    vm::{lock, series::Series},
    workspace,
};
use checks::{Build, Built, CHECKS};
use progress::{Progress, Stage};
use skips::Allowed;
use tally::Tally;
use vms::Event;

#[derive(Debug)]
pub(crate) enum Scope {
    /// Everything, here and in the kernels of `xtask/kernels.lock`.
    Everything,
    /// Everything that runs on this machine itself.
    Native,
    /// The live tests in these kernels, limited to those with one of these texts in their names.
    Kernels {
        kernels: Vec<Series>,
        only: Vec<String>,
    },
}

/// Tests what is in `scope`. It goes on after a failure, so that one run shows all of them.
pub(crate) fn run(scope: &Scope) -> Result<ExitCode> {
    let privileges = Privileges::now();
    let builder = privileges.builder()?;
    restore_interruptions()?;
    let ownership = Ownership::of(&builder)?;
    ownership.give_back();
    setup::ensure(&builder)?;
    needs::provide(privileges)?;
    let progress = Progress::start();
    let mut tally = Tally::default();
    match scope {
        Scope::Everything => everything(&lock::matrix()?, &builder, &progress, &mut tally)?,
        Scope::Native => everything(&[], &builder, &progress, &mut tally)?,
        Scope::Kernels { kernels, only } => {
            let stage = progress.begin("build");
            build::programs(&builder)?;
            let Some(built) = checks::build(Build::Live, &builder, &stage)? else {
                bail!("the live tests do not build");
            };
            drop(stage);
            let stage = progress.begin("live tests in VMs");
            tally = in_vms(kernels, only, built.live, &stage);
        }
    }
    drop(progress);
    ownership.give_back();
    if env::var_os("CI").is_some_and(|value| value == "true") {
        let allowed = Allowed::read(&workspace::root()?)?;
        tally.judge_skips(&allowed);
    }
    for line in tally.report() {
        say::note(line);
    }
    println!("{}", tally.sum());
    Ok(if tally.failed() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Builds once, and fetches kernels meanwhile; then lets the VMs run beside the checks. The native tests come
/// last and alone, because some of them measure time.
fn everything(
    kernels: &[Series],
    builder: &Builder,
    progress: &Progress,
    tally: &mut Tally,
) -> Result<()> {
    let stage = progress.begin("build");
    let built = thread::scope(|scope| {
        scope.spawn(|| vms::fetch(kernels));
        checks::build(Build::Everything, builder, &stage)
    })?;
    let Some(Built { live, binaries }) = built else {
        drop(stage);
        run_checks(builder, progress, tally)?;
        tally.add_crash("the tests do not build");
        return Ok(());
    };
    stage.passed();
    thread::scope(|scope| {
        let vms = (!kernels.is_empty()).then(|| {
            scope.spawn(|| {
                let stage = progress.begin("live tests in VMs");
                let tally = in_vms(kernels, &[], live, &stage);
                if tally.failed() == 0 {
                    stage.passed();
                }
                tally
            })
        });
        let checked = run_checks(builder, progress, tally);
        match vms.map(thread::ScopedJoinHandle::join) {
            Some(Ok(vms)) => tally.append(vms),
            Some(Err(_)) => tally.add_crash("the thread of the VMs panicked"),
            None => {}
        }
        checked
    })?;
    let stage = progress.begin("tests");
    checks::run_tests(builder, binaries, &stage, tally)?;
    if tally.failed() == 0 {
        stage.passed();
    }
    Ok(())
}

fn run_checks(builder: &Builder, progress: &Progress, tally: &mut Tally) -> Result<()> {
    for check in CHECKS {
        let stage = progress.begin(check.name);
        let passed = check.run(builder, &stage)?;
        tally.add_check(check.name, passed);
        if passed {
            stage.passed();
        }
    }
    let stage = progress.begin("lessons");
    let passed = course::check(builder)? == ExitCode::SUCCESS;
    tally.add_check("lessons", passed);
    if passed {
        stage.passed();
    }
    Ok(())
}

/// Runs the live tests in VMs and counts them by kernel. A VM that does not reach the end is a failure, and
/// the next kernel runs all the same.
fn in_vms(
    kernels: &[Series],
    only: &[String],
    binary: Option<PathBuf>,
    stage: &Stage<'_>,
) -> Tally {
    let mut tallies: BTreeMap<Series, Tally> = BTreeMap::new();
    let (mut tests, mut ended) = (0, 0);
    let event = |series: Series, event| {
        let tally = tallies.entry(series).or_default();
        match event {
            Event::Line(line) => {
                if !line.is_empty() {
                    println!("Linux {series}: {line}");
                }
                tests += usize::from(line.starts_with("test ") && line.contains(" ... "));
                tally.read(&line);
            }
            Event::Ended(Ok(())) => {
                ended += 1;
                tally.close(1, true);
            }
            Event::Ended(Err(error)) => {
                ended += 1;
                say::note(format_args!("{error:#}"));
                tally.add_crash("the tests did not reach their end");
            }
        }
        let all = kernels.len();
        stage.detail(format!("{ended} of {all} kernels and {tests} tests done"));
    };
    let ran = binary
        .context("cargo names no binary of the live tests")
        .and_then(|binary| vms::run(kernels, only, binary, event));
    let mut sum = Tally::default();
    if let Err(error) = ran {
        say::note(format_args!("{error:#}"));
        sum.add_crash("no kernel could be booted in a VM");
    }
    for (series, tally) in tallies {
        sum.absorb(&format!("Linux {series}"), tally);
    }
    sum
}

/// A shell starts a background job with SIGINT ignored, and its children inherit that; but some tests test
/// what Ctrl-C does.
fn restore_interruptions() -> Result<()> {
    for signal in [Signal::SIGINT, Signal::SIGQUIT] {
        // SAFETY: the default action runs no handler of this program.
        unsafe { signal::signal(signal, SigHandler::SigDfl) }.context("signal(SIG_DFL)")?;
    }
    Ok(())
}
