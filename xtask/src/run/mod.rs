//! `cargo xtask run` and `cargo xtask doctor`: set up, build, and start the tracer, here or in a VM.

mod in_vm;
mod matrix;
mod predictions;
mod request;
mod traced;
mod tracer;

use std::{
    env, ffi::OsString, os::unix::process::CommandExt as _, path::PathBuf, process::ExitCode,
};

use anyhow::{Context as _, Result};

use crate::{
    account::{Builder, Privileges},
    build::{self, TRACER_AND_LESSONS},
    course,
    ownership::Ownership,
    setup,
    tool::Tool,
    workspace,
};
use request::{ALL, Request};
pub(crate) use traced::pass_on;
use tracer::{Started, Wanted, start};

/// Runs `lesson` with `options`; returns only if it ran in a VM, or if the tracer could not be started.
pub(crate) fn run(lesson: &str, options: &[OsString]) -> Result<ExitCode> {
    let id = match lesson {
        ALL => ALL.to_owned(),
        one => course::find(one)?.id(),
    };
    if let Some(request) = request::read(options)? {
        return in_vm(&id, &request, &Privileges::now().builder()?);
    }
    let tracer = built()?;
    let arguments = [OsString::from("run"), id.into()];
    become_tracer(&match start(&tracer, Wanted::by(options))? {
        Started::AsAsked(tool) => tool.args(arguments).args(options),
        // The tracer then says what can be done instead.
        Started::WithoutRoot(tool) => tool.args(arguments).arg("--after-sudo").args(options),
    })
}

/// `mmap-trace doctor`, as root if possible.
pub(crate) fn doctor(options: &[OsString]) -> Result<ExitCode> {
    let tracer = built()?;
    become_tracer(&match start(&tracer, Wanted::Root)? {
        Started::AsAsked(tool) | Started::WithoutRoot(tool) => tool.arg("doctor").args(options),
    })
}

/// Builds the tracer as whoever builds here, and returns its path.
fn built() -> Result<PathBuf> {
    let builder = Privileges::now().builder()?;
    let ownership = Ownership::of(&builder)?;
    ownership.give_back();
    setup::ensure(&builder)?;
    build::packages(&builder, TRACER_AND_LESSONS)?;
    ownership.give_back();
    workspace::built("mmap-trace")
}

/// Replaces this process, so that signals and exit code are the tracer's own.
fn become_tracer(tool: &Tool) -> Result<ExitCode> {
    let error = tool.command().exec();
    Err(error).with_context(|| format!("cannot start `{}`", tool.line()))
}

/// A VM needs no privileges, so under sudo the caller's account does everything and owns the cache.
fn in_vm(lesson: &str, request: &Request, builder: &Builder) -> Result<ExitCode> {
    if let Builder::Caller(_) = builder {
        Ownership::of(builder)?.give_back();
        let program = env::current_exe().context("current_exe()")?;
        return become_tracer(&builder.run(program).args(env::args_os().skip(1)));
    }
    setup::ensure(builder)?;
    build::packages(builder, TRACER_AND_LESSONS)?;
    in_vm::run(lesson, request, builder)
}
