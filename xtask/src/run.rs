//! `cargo xtask run`: set up, build, and become the tracer.

use std::{
    env,
    ffi::OsString,
    io::Read as _,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, ExitCode, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    account::{Builder, Standing, TracerStart},
    kernels, lessons,
    ownership::Ownership,
    path,
    problem::Problem,
    say, setup,
    tool::Tool,
    workspace,
};

/// A build that is done by then is not worth a line.
const PATIENCE: Duration = Duration::from_secs(1);

/// What decides about colour and width; sudo drops the rest of the environment.
const KEPT_BY_SUDO: &[&str] = &[
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLORTERM",
    "COLUMNS",
    "MMAP_TRACE_CACHE",
];

/// Runs `lesson` with `options`; returns only if the tracer could not be started.
pub(crate) fn run(lesson: &str, options: &[OsString]) -> Result<ExitCode> {
    let lesson = lessons::find(lesson)?;
    let standing = Standing::now();
    if let Some(request) = kernels::read(options)? {
        return in_a_box(&lesson.id(), &request, &standing.builder()?);
    }
    let tracer = workspace::target_dir()?.join("release/mmap-trace");
    let start = standing.tracer(path::find("sudo").as_deref());
    if start == TracerStart::NoWay {
        bail!(no_way(&tracer, &lesson.id()));
    }
    let builder = standing.builder()?;
    let ownership = Ownership::of(&builder)?;
    ownership.give_back();
    setup::ensure(&builder)?;
    build(&builder, &["mmap-trace", "lessons"])?;
    ownership.give_back();
    let arguments = [OsString::from("run"), lesson.id().into()];
    let tool = started(start, &tracer).args(arguments).args(options);
    // In place of this process, so that signals and exit code are the tracer's own.
    let error = tool.command().exec();
    Err(error).with_context(|| format!("cannot start `{}`", tool.line()))
}

/// The tracer, with its privileges.
fn started(start: TracerStart, tracer: &Path) -> Tool {
    if start != TracerStart::ThroughSudo {
        // Cargo set it for this program; the tracer's lesson should not inherit it.
        return Tool::new(tracer).without_env("LD_LIBRARY_PATH");
    }
    say::note("counting in the kernel needs root: only the tracer is started through sudo");
    let kept: Vec<_> = KEPT_BY_SUDO
        .iter()
        .filter(|name| env::var_os(name).is_some())
        .copied()
        .collect();
    let sudo = Tool::new("sudo");
    let sudo = if kept.is_empty() {
        sudo
    } else {
        sudo.arg(format!("--preserve-env={}", kept.join(",")))
    };
    sudo.arg("--").arg(tracer)
}

fn no_way(tracer: &Path, lesson: &str) -> Problem {
    Problem {
        what: "the tracer needs root, and there is no sudo on this machine".to_owned(),
        now: "an ordinary account, no sudo on PATH".to_owned(),
        why: "counting programs are loaded into the kernel; building needs no root".to_owned(),
        commands: vec![
            "cargo xtask setup && cargo build --release -p mmap-trace -p lessons".to_owned(),
            format!("su -c '{} run {lesson}'", tracer.display()),
        ],
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_starts_the_tracer_without_sudo() {
        let line = started(TracerStart::Direct, Path::new("/t/mmap-trace"))
            .arg("run")
            .line();
        assert_eq!(line, "/t/mmap-trace run");
    }

    #[test]
    fn only_the_tracer_goes_through_sudo() {
        let line = started(TracerStart::ThroughSudo, Path::new("/t/mmap-trace")).line();
        assert!(
            line.starts_with("sudo ") && line.ends_with(" -- /t/mmap-trace"),
            "{line}"
        );
    }

    #[test]
    fn without_sudo_the_message_holds_the_command_to_type() {
        let problem = no_way(Path::new("/t/mmap-trace"), "lesson-3");
        assert!(
            problem
                .to_string()
                .contains("su -c '/t/mmap-trace run lesson-3'")
        );
    }
}
