//! A temporary account with or without the right to use sudo, removed however the test ends.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

const PREFIX: &str = "mmap-trace-t";

pub(crate) struct Account {
    name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    home: PathBuf,
}

/// What sudo lets the account do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sudo {
    /// Everything, without a password.
    Everything,
    /// Nothing.
    Nothing,
}

impl Account {
    /// Creates an account with this home, after removing those that killed tests left behind.
    pub(crate) fn new(home: &Path, sudo: Sudo) -> Result<Self> {
        sweep()?;
        let name = format!("{PREFIX}{}", std::process::id());
        let home = home.to_owned();
        system(
            Command::new("useradd")
                .args(["--system", "--no-create-home", "--user-group", "--home-dir"])
                .arg(&home)
                .arg(&name),
        )?;
        let made = nix::unistd::User::from_name(&name)
            .context("getpwnam")?
            .context("useradd made no account")?;
        let account = Account {
            uid: made.uid.as_raw(),
            gid: made.gid.as_raw(),
            name,
            home,
        };
        if sudo == Sudo::Everything {
            let file = rights(&account.name);
            fs::write(&file, format!("{} ALL=(ALL) NOPASSWD: ALL\n", account.name))
                .context("write the sudoers file")?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).context("chmod")?;
        }
        Ok(account)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A command that runs as this account, without a terminal on which sudo could ask.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .uid(self.uid)
            .gid(self.gid)
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .current_dir(&self.home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // SAFETY: setsid(2) is async-signal-safe and touches no memory.
        unsafe {
            command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(Into::into));
        }
        command
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

fn remove(name: &str) {
    let _ = fs::remove_file(rights(name));
    // sudo remembers the account.
    let _ = fs::remove_file(Path::new("/var/lib/sudo/lectured").join(name));
    let _ = system(Command::new("userdel").arg(name));
}

fn rights(name: &str) -> PathBuf {
    Path::new("/etc/sudoers.d").join(name)
}

/// The number in the name of an account is the process that created it.
fn sweep() -> Result<()> {
    let accounts = fs::read_to_string("/etc/passwd").context("read(/etc/passwd)")?;
    for name in accounts.lines().filter_map(|line| line.split(':').next()) {
        if let Some(maker) = name.strip_prefix(PREFIX)
            && !Path::new("/proc").join(maker).exists()
        {
            remove(name);
        }
    }
    Ok(())
}

fn system(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {error}");
    Ok(())
}
