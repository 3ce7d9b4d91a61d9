//! sudo in front of cargo, sudo called by cargo, and no sudo: who builds, who traces, as whom the lesson
//! runs, and what is left behind.
//!
//! A script that records its caller stands in for cargo: the tests are about who builds, and a real build
//! by another account would take minutes.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    account::{Account, Sudo},
    harness::{Outcome, Test},
    oracle, tracer,
    tracer::{Ran, Recording},
};

pub(super) const TESTS: &[Test] = &[
    (
        "a user with sudo builds and runs the lesson as themselves; only the tracer is root",
        || here(Sudo::Everything, Clone::started_by_user),
    ),
    (
        "under sudo the caller builds and runs the lesson, and root owns no file afterwards",
        || here(Sudo::Everything, Clone::started_by_sudo),
    ),
    (
        "a user without sudo, or refused by it, is told so and offered the fallbacks",
        || here(Sudo::Nothing, Clone::refused),
    ),
    (
        "root in a container without capabilities is offered the fallbacks",
        deprived,
    ),
];

const LESSON: [&str; 4] = ["--only", "read-4k", "--size", "1MiB"];

/// A clone that a temporary account owns: built programs, the lessons of this tree, and a cache.
struct Clone {
    // Dropped first, because its home lies in the folder.
    account: Account,
    folder: tempfile::TempDir,
}

fn here(sudo: Sudo, test: fn(&Clone) -> Result<()>) -> Result<Outcome> {
    for tool in ["sudo", "useradd"] {
        if let Some(reason) = oracle::missing(tool) {
            return Ok(Outcome::Skipped(reason));
        }
    }
    let Some(toolchain) = toolchain() else {
        let reason = "the eBPF toolchain in the cache cannot be lent to another account";
        return Ok(Outcome::Skipped(reason.to_owned()));
    };
    test(&Clone::new(sudo, &toolchain)?)?;
    Ok(Outcome::Passed)
}

/// Linked from this account's cache; rustup's nightly is not, because it belongs to its account.
fn toolchain() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = set("MMAP_TRACE_CACHE")
        .or_else(|| Some(set("XDG_CACHE_HOME")?.join("mmap-trace")))
        .or_else(|| Some(set("HOME")?.join(".cache/mmap-trace")))?;
    let toolchain = cache.join("bpf-toolchain");
    toolchain.join("bin/rustc").exists().then_some(toolchain)
}

impl Clone {
    fn new(sudo: Sudo, toolchain: &Path) -> Result<Self> {
        let folder = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
        let at = |path: &str| folder.path().join(path);
        for directory in ["target/release", "clone/xtask", "cache", "results"] {
            fs::create_dir_all(at(directory)).context("mkdir")?;
        }
        let program = |name: &str| -> Result<()> {
            let from = tracer::binary()?.with_file_name(name);
            let to = at("target/release").join(name);
            fs::copy(&from, to).with_context(|| format!("copy {}", from.display()))?;
            Ok(())
        };
        for name in ["mmap-trace", "xtask", "lesson-3"] {
            program(name)?;
        }
        let lessons = concat!(env!("CARGO_MANIFEST_DIR"), "/../lessons");
        copy(&["-a", lessons, "clone/lessons"], folder.path())?;
        // Hard links where the disk is the same, because the cache is large.
        let from = toolchain.to_string_lossy();
        copy(&["-al", &from, "cache/bpf-toolchain"], folder.path())
            .or_else(|_| copy(&["-a", &from, "cache/bpf-toolchain"], folder.path()))?;
        let account = Account::new(folder.path(), sudo)?;
        let script = format!(
            "#!/bin/sh\nid -u >>'{0}/results/builders'\ntouch '{0}/target/release/made'\n",
            folder.path().display()
        );
        fs::write(at("cargo"), script).context("write(cargo)")?;
        fs::set_permissions(at("cargo"), fs::Permissions::from_mode(0o755)).context("chmod")?;
        let clone = Clone { account, folder };
        for path in clone.files()? {
            lchown(&path, Some(clone.account.uid), Some(clone.account.gid)).context("lchown")?;
        }
        Ok(clone)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// All files of the clone except the linked toolchain.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let mut found = vec![self.folder.path().to_owned()];
        let mut next = 0;
        while let Some(path) = found.get(next).cloned() {
            next += 1;
            if fs::symlink_metadata(&path).context("stat")?.is_dir()
                && path != self.at("cache/bpf-toolchain")
            {
                for entry in fs::read_dir(&path).context("readdir")? {
                    found.push(entry.context("readdir")?.path());
                }
            }
        }
        Ok(found)
    }

    fn environment(&self) -> [(&'static str, PathBuf); 3] {
        [
            ("CARGO", self.at("cargo")),
            ("CARGO_MANIFEST_DIR", self.at("clone/xtask")),
            ("MMAP_TRACE_CACHE", self.at("cache")),
        ]
    }

    fn user(&self, program: &str) -> Command {
        let mut command = self
            .account
            .command(&self.at("target/release").join(program));
        command.envs(self.environment());
        command
    }

    fn through_sudo(&self, program: &str) -> Command {
        let kept: Vec<_> = self.environment().iter().map(|(name, _)| *name).collect();
        let mut command = self.account.command(Path::new("sudo"));
        command
            .envs(self.environment())
            .arg(format!("--preserve-env={}", kept.join(",")))
            .arg(self.at("target/release").join(program));
        command
    }

    fn run(&self, mut command: Command, options: &[&str]) -> Result<Ran> {
        let file = self.at("results/recording.json");
        let _ = fs::remove_file(&file);
        command.args(["run", "lesson-3", "--output"]).arg(&file);
        command.args(LESSON).args(options);
        tracer::finish(command.spawn().context("start")?, &file)
    }

    /// Checks what must be the same whoever started the tracer, and returns standard error.
    fn hold(&self, ran: Ran, instrument: &str) -> Result<String> {
        let (code, error) = (ran.output.status.code(), ran.error());
        ensure!(code == Some(3), "ended with {code:?}: {error}");
        let Recording(recording) = ran.expect()?;
        let machine = &recording["machine"];
        ensure!(
            machine["user"] == self.account.name(),
            "the lesson ran as {}",
            machine["user"]
        );
        ensure!(
            machine["instrument"] == instrument,
            "{}",
            machine["instrument"]
        );
        for path in self.files()? {
            let owner = fs::symlink_metadata(&path).context("stat")?.uid();
            let lent = path == self.at("cache/bpf-toolchain");
            ensure!(
                lent || owner == self.account.uid,
                "{} is {owner}'s",
                path.display()
            );
        }
        for entry in fs::read_dir("/var/tmp").context("readdir")? {
            let entry = entry.context("readdir")?;
            let is_work = entry
                .file_name()
                .to_string_lossy()
                .starts_with("mmap-trace-work-");
            // Another run may be at work beside this test, but not as this account.
            let owner = entry.metadata().map_or(0, |it| it.uid());
            ensure!(
                !is_work || owner != self.account.uid,
                "{} was left",
                entry.path().display()
            );
        }
        Ok(error)
    }

    fn builders(&self) -> Result<String> {
        fs::read_to_string(self.at("results/builders")).context("nobody built")
    }

    fn started_by_user(&self) -> Result<()> {
        let ran = self.run(self.user("xtask"), &[])?;
        let said = self.hold(ran, "eBPF")?;
        ensure!(
            said.contains("only the tracer is started through sudo"),
            "{said}"
        );
        ensure!(self.builders()? == format!("{}\n", self.account.uid));
        Ok(())
    }

    fn started_by_sudo(&self) -> Result<()> {
        let ran = self.run(self.through_sudo("xtask"), &[])?;
        self.hold(ran, "eBPF")?;
        ensure!(self.builders()? == format!("{}\n", self.account.uid));
        let ran = self.run(self.through_sudo("mmap-trace"), &[])?;
        self.hold(ran, "eBPF")?;
        Ok(())
    }

    fn refused(&self) -> Result<()> {
        let asked = self.run(self.user("xtask"), &[])?;
        let mut without = self.user("xtask");
        without.env("PATH", "/nonexistent");
        // The script that stands in for cargo needs its tools.
        fs::write(self.at("cargo"), "#!/bin/sh\n").context("write(cargo)")?;
        let without = self.run(without, &[])?;
        for (ran, reason) in [
            (asked, "sudo refused to start the tracer"),
            (without, "there is no sudo here"),
        ] {
            let error = ran.error();
            ensure!(
                ran.output.status.code() == Some(2),
                "{}: {error}",
                ran.output.status
            );
            ensure!(error.contains(reason), "{error}");
            offers_what_is_left(&error)?;
        }
        let ran = self.run(self.user("xtask"), &["--unprivileged"])?;
        let said = self.hold(ran, "unprivileged")?;
        ensure!(!said.contains("sudo"), "{said}");
        Ok(())
    }
}

fn offers_what_is_left(error: &str) -> Result<()> {
    for offer in [
        "cargo xtask run lesson-3 --kernel 6.12\n",
        "mmap-trace run lesson-3 --unprivileged\n",
        "mmap-trace report FILE\n",
    ] {
        ensure!(error.contains(offer), "no {offer:?} in:\n{error}");
    }
    ensure!(
        !error.contains("  sudo "),
        "sudo is offered again:\n{error}"
    );
    Ok(())
}

fn copy(arguments: &[&str], directory: &Path) -> Result<()> {
    let output = Command::new("cp")
        .args(arguments)
        .current_dir(directory)
        .output();
    let output = output.context("start cp")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cp {arguments:?}: {error}");
    Ok(())
}

/// Docker's default capabilities reduced to those a run needs, to fewer, and to none.
fn deprived() -> Result<Outcome> {
    if let Some(reason) = oracle::missing("setpriv") {
        return Ok(Outcome::Skipped(reason));
    }
    let docker = "-all,+chown,+dac_override,+fowner,+setuid,+setgid,+kill";
    let less = "-all,+chown,+setuid,+setgid,+kill";
    for (kept, missing) in [
        (docker, "without CAP_BPF, CAP_PERFMON:"),
        (less, "without CAP_BPF, CAP_PERFMON:"),
        (
            "-all",
            "without CAP_BPF, CAP_PERFMON, CAP_SETUID, CAP_SETGID, CAP_CHOWN:",
        ),
    ] {
        let error = as_root_with(kept, &[], 2)?;
        ensure!(error.contains(missing), "{error}");
        offers_what_is_left(&error)?;
    }
    for kept in [docker, less] {
        as_root_with(kept, &["--unprivileged"], 3)?;
    }
    let error = as_root_with("-all", &["--unprivileged"], 2)?;
    ensure!(error.contains("fchown"), "{error}");
    Ok(Outcome::Passed)
}

fn as_root_with(capabilities: &str, options: &[&str], code: i32) -> Result<String> {
    let parent = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
    // The lesson's account must be able to enter it.
    fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o755)).context("chmod")?;
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", capabilities, "--inh-caps", "-all"]);
    command.arg(tracer::binary()?).args(["run", "lesson-3"]);
    command.args(LESSON).args(options);
    command.arg("--work-dir").arg(parent.path());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = tracer::wait(command.spawn().context("start")?, Duration::from_mins(1))?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        output.status.code() == Some(code),
        "{}: {error}",
        output.status
    );
    let mut left = fs::read_dir(parent.path()).context("readdir")?;
    ensure!(left.next().is_none(), "{capabilities}: files were left");
    Ok(error)
}
