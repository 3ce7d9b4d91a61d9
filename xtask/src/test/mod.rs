//! `cargo xtask test`: format, lints, documentation, all tests; with `--kernel`, the live tests in a box.
//! The last line is the sum.

mod checks;
mod needs;
mod skips;
mod tally;

use std::{env, process::ExitCode};

use anyhow::Result;

use crate::{
    account::{Builder, Standing},
    kernels::{live, series::Series},
    ownership::Ownership,
    run, say, setup, workspace,
};
use skips::Allowed;
use tally::Tally;

/// Runs everything here, or the live tests in other kernels. Goes on after a failure: one run shows
/// all that is wrong.
pub(crate) fn run(kernels: &[Series]) -> Result<ExitCode> {
    let standing = Standing::now();
    let builder = standing.builder()?;
    let ownership = Ownership::of(&builder)?;
    ownership.give_back();
    setup::ensure(&builder)?;
    needs::provide(standing)?;
    let mut tally = Tally::default();
    if kernels.is_empty() {
        for check in checks::CHECKS {
            let passed = check.run(&builder)?;
            tally.add_check(check.name, passed);
        }
        checks::tests(&builder, &mut tally)?;
    } else {
        run::build(&builder, &["mmap-trace", "lessons"])?;
    }
    for series in kernels {
        in_a_box(*series, &builder, &mut tally);
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

/// The live tests of one kernel, by names that say which. A guest that does not get to the end is a
/// failure, and no reason to leave out the next kernel.
fn in_a_box(series: Series, builder: &Builder, tally: &mut Tally) {
    let mut has_closed = false;
    let ended = live::run(series, builder, |line| {
        println!("{line}");
        has_closed |= line.starts_with("test result: ");
        match line.strip_prefix("test ") {
            Some(rest) if !rest.starts_with("result: ") => {
                tally.read(&format!("test Linux {series}: {rest}"));
            }
            _ => tally.read(line),
        }
    });
    if let Err(error) = ended {
        say::note(format_args!("{error:#}"));
        tally.add_crash(&format!(
            "the tests in Linux {series} did not get to their end"
        ));
    } else if !has_closed {
        tally.add_crash(&format!(
            "the tests in Linux {series} ended without a result"
        ));
    }
}
