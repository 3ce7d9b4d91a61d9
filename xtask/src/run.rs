//! `cargo xtask run`: set up, build, and become the tracer.

use std::{
    env,
    ffi::OsString,
    io::Read as _,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, ExitCode, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    account::{Builder, Standing},
    kernels, lessons,
    ownership::Ownership,
    say, setup,
    tool::Tool,
    tracer::{Rights, Started, start},
    workspace,
};

/// Stands for every lesson; the tracer knows it too.
pub(crate) const ALL: &str = "all";

/// A build that is done by then is not worth a line.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs `lesson` with `options`; returns only if the tracer could not be started.
pub(crate) fn run(lesson: &str, options: &[OsString]) -> Result<ExitCode> {
    let id = match lesson {
        ALL => ALL.to_owned(),
        one => lessons::find(one)?.id(),
    };
    if let Some(request) = kernels::read(options)? {
        return in_a_box(&id, &request, &Standing::now().builder()?);
    }
    let tracer = built()?;
    let arguments = [OsString::from("run"), id.into()];
    become_tracer(&match start(&tracer, Rights::wanted_by(options))? {
        Started::AsAsked(tool) => tool.args(arguments).args(options),
        // It says what is left.
        Started::WithoutRoot(tool) => tool.args(arguments).arg("--after-sudo").args(options),
    })
}

/// `mmap-trace doctor`, with as many rights as there are.
pub(crate) fn doctor(options: &[OsString]) -> Result<ExitCode> {
    let tracer = built()?;
    become_tracer(&match start(&tracer, Rights::Root)? {
        Started::AsAsked(tool) | Started::WithoutRoot(tool) => tool.arg("doctor").args(options),
    })
}

/// The tracer, built by whoever is to build it.
fn built() -> Result<PathBuf> {
    let builder = Standing::now().builder()?;
    let ownership = Ownership::of(&builder)?;
    ownership.give_back();
    setup::ensure(&builder)?;
    build(&builder, &["mmap-trace", "lessons"])?;
    ownership.give_back();
    Ok(workspace::target_dir()?.join("release/mmap-trace"))
}

/// In place of this process, so that signals and exit code are the tracer's own.
fn become_tracer(tool: &Tool) -> Result<ExitCode> {
    let error = tool.command().exec();
    Err(error).with_context(|| format!("cannot start `{}`", tool.line()))
}

/// In another kernel, which needs no privileges.
fn in_a_box(lesson: &str, request: &kernels::Request, builder: &Builder) -> Result<ExitCode> {
    if let Builder::Caller(_) = builder {
        // Started by sudo: everything is the caller's to do, and the cache is theirs.
        Ownership::of(builder)?.give_back();
        let program = env::current_exe().context("current_exe()")?;
        let tool = builder.run(program).args(env::args_os().skip(1));
        let error = tool.command().exec();
        return Err(error).with_context(|| format!("cannot start `{}`", tool.line()));
    }
    setup::ensure(builder)?;
    build(builder, &["mmap-trace", "lessons"])?;
    kernels::run(lesson, request, builder)
}

/// Builds packages; quiet unless it takes a while or fails.
pub(crate) fn build(builder: &Builder, packages: &[&str]) -> Result<()> {
    let tool = workspace::cargo(builder)?.args(["build", "--quiet", "--release"]);
    let tool = packages
        .iter()
        .fold(tool, |tool, package| tool.args(["-p", package]));
    let mut child = tool
        .command()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", tool.line()))?;
    let (status, said) = wait(&mut child)?;
    if !status.success() {
        eprint!("{said}");
        bail!("`{}` ended with {status}", tool.line());
    }
    Ok(())
}

fn wait(child: &mut Child) -> Result<(ExitStatus, String)> {
    let stderr = child.stderr.take();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(mut stderr) = stderr {
            // What could be read is what can be shown.
            let _ = stderr.read_to_end(&mut said);
        }
        let _ = sender.send(String::from_utf8_lossy(&said).into_owned());
    });
    let said = match receiver.recv_timeout(PATIENCE) {
        Err(RecvTimeoutError::Timeout) => say::step(
            "build the tracer, its eBPF programs and the lessons",
            || receiver.recv(),
        ),
        early => early.map_err(|_| mpsc::RecvError),
    };
    let status = child.wait().context("wait(cargo build)")?;
    Ok((status, said.unwrap_or_default()))
}
