//! `cargo xtask test`: format, lints, documentation, all tests, then the live tests in kernels in a box.
//! The last line is the sum.

mod boxes;
mod checks;
mod failures;
mod needs;
mod skips;
mod tally;

use std::{env, process::ExitCode};

use anyhow::{Context as _, Result};
use nix::sys::signal::{self, SigHandler, Signal};

use crate::{
    account::Standing,
    kernels::{lock, series::Series},
    ownership::Ownership,
    run, say, setup, workspace,
};
use skips::Allowed;
use tally::Tally;

/// What is to be tested.
#[derive(Debug)]
pub(crate) enum Scope {
    /// Everything, on this machine and in the kernels of `xtask/kernels.lock`.
    Everything,
    /// What runs on this machine.
    Native,
    /// The live tests in these kernels.
    Kernels(Vec<Series>),
}

impl Scope {
    /// As the command line says it.
    pub(crate) fn of(native: bool, kernels: Vec<Series>) -> Self {
        match (native, kernels.is_empty()) {
            (true, _) => Self::Native,
            (false, true) => Self::Everything,
            (false, false) => Self::Kernels(kernels),
        }
    }

    fn kernels(&self) -> Result<Vec<Series>> {
        match self {
            Self::Everything => lock::matrix(),
            Self::Native => Ok(Vec::new()),
            Self::Kernels(kernels) => Ok(kernels.clone()),
        }
    }
}

/// Runs what is in `scope`; of the tests in a box those that have a text of `only` in their name.
/// Goes on after a failure: one run shows all that is wrong.
pub(crate) fn run(scope: &Scope, only: &[String]) -> Result<ExitCode> {
    let standing = Standing::now();
    let builder = standing.builder()?;
    hear_interruptions()?;
    let ownership = Ownership::of(&builder)?;
    ownership.give_back();
    setup::ensure(&builder)?;
    needs::provide(standing)?;
    let mut tally = Tally::default();
    if matches!(scope, Scope::Kernels(_)) {
        run::build(&builder, &["mmap-trace", "lessons"])?;
    } else {
        for check in checks::CHECKS {
            let passed = check.run(&builder)?;
            tally.add_check(check.name, passed);
        }
        tally.add_check("lessons", checks::lessons(&builder)?);
        checks::tests(&builder, &mut tally)?;
    }
    let kernels = scope.kernels()?;
    if !kernels.is_empty() {
        boxes::tests(&kernels, only, &builder, &mut tally);
    }
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

/// A shell starts a job in the background with SIGINT ignored, and everything below inherits that;
/// what Ctrl-C does is one of the things that are tested.
fn hear_interruptions() -> Result<()> {
    for signal in [Signal::SIGINT, Signal::SIGQUIT] {
        // SAFETY: the default action is no handler, so nothing of this program runs in a signal.
        unsafe { signal::signal(signal, SigHandler::SigDfl) }.context("signal(SIG_DFL)")?;
    }
    Ok(())
}
