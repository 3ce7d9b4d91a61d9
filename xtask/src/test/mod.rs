//! `cargo xtask test`: format, lints, documentation, all tests; the last line is the sum.

mod checks;
mod needs;
mod skips;
mod tally;

use std::{env, process::ExitCode};

use anyhow::Result;

use crate::{account::Standing, ownership::Ownership, say, setup, workspace};
use skips::Allowed;
use tally::Tally;

/// Runs everything, also after a failure: one run shows all that is wrong.
pub(crate) fn run() -> Result<ExitCode> {
    let standing = Standing::now();
    let builder = standing.builder()?;
    let ownership = Ownership::of(&builder)?;
    ownership.give_back();
    setup::ensure(&builder)?;
    needs::provide(standing)?;
    let mut tally = Tally::default();
    for check in checks::CHECKS {
        let passed = check.run(&builder)?;
        tally.add_check(check.name, passed);
    }
    checks::tests(&builder, &mut tally)?;
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
