//! `cargo xtask run`, `open` and `doctor`: set up, build, and start the tracer, here or in a VM.

mod in_vm;
mod matrix;
mod open;
mod options;
mod page;
mod predictions;
mod request;
mod traced;
mod tracer;

use std::{
    env,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    account::{Builder, Privileges},
    build,
    cache::Cache,
    course,
    ownership::Ownership,
    setup,
    tool::Tool,
    workspace,
};
pub(crate) use open::open;
pub(crate) use options::{Given, add_doctor, add_run};
use request::ALL;
pub(crate) use request::KernelArgs;
pub(crate) use traced::pass_on;
use tracer::{Started, Wanted, start};

/// Runs `lesson`; returns only if it ran in a VM, or if the tracer could not be started.
pub(crate) fn run(lesson: &str, kernels: &KernelArgs, given: &Given<'_>) -> Result<ExitCode> {
    let id = known(lesson, given)?;
    if kernels.is_in_vm() {
        if lesson.contains('/') {
            bail!("a VM holds only the lessons of this repository, not {lesson}");
        }
        return in_vm(&id, kernels, given, &Privileges::now().builder()?);
    }
    become_tracer(&start_for_run(&built()?, lesson, given, &[])?)
}

/// The command that runs a lesson with the options that were given, without those of `except`.
fn start_for_run(tracer: &Path, lesson: &str, given: &Given<'_>, except: &[&str]) -> Result<Tool> {
    let wanted = if given.has("unprivileged") {
        Wanted::Own
    } else {
        Wanted::Root
    };
    let arguments = ["run", lesson];
    let options = given.words(except);
    Ok(match start(tracer, wanted)? {
        Started::AsAsked(tool) => tool.args(arguments).args(options),
        // The tracer then says what can be done instead.
        Started::WithoutRoot(tool) => tool.args(arguments).arg("--after-sudo").args(options),
    })
}

/// The id of the lesson. An unknown lesson or scenario is refused before anything is built.
fn known(lesson: &str, given: &Given<'_>) -> Result<String> {
    if lesson == ALL {
        return Ok(ALL.to_owned());
    }
    let file = course::promises(lesson)?;
    if let Some(only) = given.value("only") {
        file.require_scenario(&only.to_string_lossy())
            .map_err(anyhow::Error::msg)?;
    }
    Ok(file.lesson.id)
}

/// `mmap-trace doctor`, as root if possible.
pub(crate) fn doctor(given: &Given<'_>) -> Result<ExitCode> {
    become_tracer(&match start(&built()?, Wanted::Root)? {
        Started::AsAsked(tool) | Started::WithoutRoot(tool) => {
            tool.arg("doctor").args(given.words(&[]))
        }
    })
}

/// Builds the tracer as the account that builds here, and returns its path.
fn built() -> Result<PathBuf> {
    let builder = Privileges::now().builder()?;
    let ownership = Ownership::of(&builder)?;
    ownership.give_back();
    setup::ensure(&builder)?;
    build::programs(&builder)?;
    ownership.give_back();
    workspace::built("mmap-trace")
}

/// Replaces this process, so that signals and exit code are the tracer's own.
fn become_tracer(tool: &Tool) -> Result<ExitCode> {
    let error = tool.command().exec();
    Err(error).with_context(|| format!("cannot start `{}`", tool.line()))
}

/// A VM needs no privileges, so under sudo the caller's account does everything and owns the cache.
fn in_vm(
    lesson: &str,
    kernels: &KernelArgs,
    given: &Given<'_>,
    builder: &Builder,
) -> Result<ExitCode> {
    if let Builder::Caller(_) = builder {
        Ownership::of(builder)?.give_back();
        let program = env::current_exe().context("current_exe()")?;
        return become_tracer(&builder.run(program).args(env::args_os().skip(1)));
    }
    let cache = Cache::of_this_account()?;
    let plan = in_vm::Plan::new(&cache, lesson, kernels, given)?;
    setup::ensure(builder)?;
    build::programs(builder)?;
    plan.run(&cache, lesson, given)
}
