//! Runs other programs: one description that can be run, or shown as the line that a person types.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context as _, Result, bail};
use mmap_trace::text::quote::quoted;

use crate::problem::{self, Cause};

/// How much of a failed program's output is shown: the reason is at the end.
const TAIL_LINES: usize = 15;

/// An account to run a program as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ids {
    pub(crate) uid: u32,
    /// The primary group; supplementary groups are dropped.
    pub(crate) gid: u32,
}

/// A program with its arguments, environment, directory and account.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    program: OsString,
    args: Vec<OsString>,
    envs: Vec<(OsString, Option<OsString>)>,
    arg0: Option<OsString>,
    dir: Option<PathBuf>,
    ids: Option<Ids>,
}

/// The output and status of a program that has ended.
#[derive(Debug)]
pub(crate) struct Captured {
    line: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Tool {
    /// `program`, looked up on `PATH` unless it is a path.
    pub(crate) fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            envs: Vec::new(),
            arg0: None,
            dir: None,
            ids: None,
        }
    }

    /// Tells the program that it was called by this name.
    pub(crate) fn called(mut self, name: impl Into<OsString>) -> Self {
        self.arg0 = Some(name.into());
        self
    }

    /// Makes the program yield to others when CPUs are scarce.
    pub(crate) fn politely(mut self) -> Self {
        let program = std::mem::replace(&mut self.program, OsString::from("nice"));
        self.args.insert(0, program);
        self
    }

    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.envs.push((key.into(), Some(value.into())));
        self
    }

    pub(crate) fn without_env(mut self, key: impl Into<OsString>) -> Self {
        self.envs.push((key.into(), None));
        self
    }

    pub(crate) fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Runs as another account; only root can.
    pub(crate) fn ids(mut self, ids: Ids) -> Self {
        self.ids = Some(ids);
        self
    }

    /// The line a person would type, without the directory.
    pub(crate) fn line(&self) -> String {
        let set = self.envs.iter().filter_map(|(key, value)| {
            let value = value.as_ref()?;
            let (key, value) = (key.to_string_lossy(), value.to_string_lossy());
            Some(format!("{key}={}", quoted(&value)))
        });
        let words = std::iter::once(&self.program)
            .chain(&self.args)
            .map(|word| quoted(&word.to_string_lossy()).into_owned());
        set.chain(words).collect::<Vec<_>>().join(" ")
    }

    /// The command, for callers that need the streams or `exec`.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        for (key, value) in &self.envs {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        if let Some(name) = &self.arg0 {
            command.arg0(name);
        }
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        if let Some(Ids { uid, gid }) = self.ids {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Runs to the end and keeps the output. An error means that the program could not be started.
    pub(crate) fn capture(&self) -> Result<Captured> {
        let line = self.line();
        let output = self
            .command()
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start `{line}`"))?;
        Ok(Captured {
            line,
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs to the end on the terminal of this program, but drops the output.
    pub(crate) fn succeeds_quietly(&self) -> Result<bool> {
        let status = self
            .command()
            .stdout(Stdio::null())
            .status()
            .with_context(|| format!("cannot start `{}`", self.line()))?;
        Ok(status.success())
    }

    /// Runs to the end on the terminal of this program.
    pub(crate) fn inherit(&self) -> Result<ExitStatus> {
        self.command()
            .status()
            .with_context(|| format!("cannot start `{}`", self.line()))
    }
}

impl Captured {
    /// The cause that the output names.
    pub(crate) fn cause(&self) -> Cause {
        problem::cause(&format!("{}\n{}", self.stdout, self.stderr))
    }

    /// The standard output, or an error with the last lines of the output.
    pub(crate) fn require(self) -> Result<String> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        bail!(
            "`{}` ended with {}\n{}",
            self.line,
            self.status,
            self.tail()
        );
    }

    /// The line that probably gives the reason: the first error, or else the last line.
    pub(crate) fn reason(&self) -> &str {
        let lines = || {
            self.stderr
                .lines()
                .chain(self.stdout.lines())
                .map(str::trim)
        };
        lines()
            .find(|line| line.to_lowercase().starts_with("error"))
            .or_else(|| lines().rfind(|line| !line.is_empty()))
            .unwrap_or("it printed nothing")
    }

    /// The last lines of the output, indented to stand under an error.
    pub(crate) fn tail(&self) -> String {
        let said = if self.stderr.trim().is_empty() {
            &self.stdout
        } else {
            &self.stderr
        };
        let lines: Vec<&str> = said.trim_end().lines().collect();
        let start = lines.len().saturating_sub(TAIL_LINES);
        lines[start..]
            .iter()
            .map(|line| format!("    {line}"))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_typed_into_a_shell() {
        let tool = Tool::new("dpkg")
            .env("A", "b c")
            .arg("-x")
            .arg("it's.deb")
            .without_env("Z");
        assert_eq!(tool.line(), r"A='b c' dpkg -x 'it'\''s.deb'");
    }

    #[test]
    fn a_failure_shows_the_end_of_the_output() {
        let tool = Tool::new("sh").args(["-c", "seq 1 100 >&2; exit 3"]);
        let error = tool.capture().unwrap().require().unwrap_err().to_string();
        assert!(
            error.contains("exit status: 3") && error.ends_with("    100"),
            "{error}"
        );
        assert!(!error.contains("    85\n"), "{error}");
    }

    #[test]
    fn the_reason_is_the_first_error_or_the_last_line() {
        let reason = |script| {
            Tool::new("sh")
                .args(["-c", script])
                .capture()
                .unwrap()
                .reason()
                .to_owned()
        };
        assert_eq!(reason("echo a; echo 'error: b' >&2; echo c"), "error: b");
        assert_eq!(reason("echo a; echo c"), "c");
        assert_eq!(reason(":"), "it printed nothing");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Tool::new("no-such-program-here").capture().unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"));
    }
}
