//! Who builds and who traces.
//!
//! Building happens as an ordinary user, unless there is only root. Only the tracer needs root: an ordinary
//! user runs it through sudo, and under sudo everything else runs as the user who called sudo.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use nix::unistd::{Uid, User, geteuid};

use crate::tool::{Ids, Tool};

/// With which privileges this program was started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Privileges {
    User,
    Root,
    /// As root through sudo, called by this account.
    Sudo(Ids),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TracerStart {
    /// This process has them already.
    Direct,
    /// Only the tracer is started through sudo.
    ThroughSudo,
    /// There is no sudo on this machine.
    Unavailable,
}

#[derive(Clone, Debug)]
pub(crate) enum Builder {
    /// The account this program runs as.
    Myself,
    /// The account that called sudo.
    Caller(Caller),
}

/// The account behind sudo, with the home and name for its programs' environment.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    ids: Ids,
    name: String,
    home: PathBuf,
}

/// Variables that point into root's home if root's rustup started this program; the caller has their own.
const TOOLCHAIN_HOMES: &[&str] = &["CARGO_HOME", "RUSTUP_HOME"];

impl Privileges {
    pub(crate) fn now() -> Self {
        let number = |name| env::var(name).ok()?.parse().ok();
        let sudo = number("SUDO_UID").zip(number("SUDO_GID"));
        Self::decide(geteuid().as_raw(), sudo)
    }

    /// Root that called sudo is plain root.
    fn decide(euid: u32, sudo: Option<(u32, u32)>) -> Self {
        match (euid, sudo) {
            (0, Some((uid, gid))) if uid != 0 => Self::Sudo(Ids { uid, gid }),
            (0, _) => Self::Root,
            _ => Self::User,
        }
    }

    /// How the tracer is started, if sudo is at this path or missing.
    pub(crate) fn tracer(self, sudo: Option<&Path>) -> TracerStart {
        match (self, sudo) {
            (Self::Root | Self::Sudo(_), _) => TracerStart::Direct,
            (Self::User, Some(_)) => TracerStart::ThroughSudo,
            (Self::User, None) => TracerStart::Unavailable,
        }
    }

    pub(crate) fn builder(self) -> Result<Builder> {
        let Self::Sudo(ids) = self else {
            return Ok(Builder::Myself);
        };
        let user = User::from_uid(Uid::from_raw(ids.uid))
            .with_context(|| format!("getpwuid({})", ids.uid))?
            .with_context(|| format!("SUDO_UID={}: there is no such account", ids.uid))?;
        Ok(Builder::Caller(Caller {
            ids,
            name: user.name,
            home: user.dir,
        }))
    }
}

impl Builder {
    pub(crate) fn run(&self, program: impl Into<OsString>) -> Tool {
        let program = program.into();
        match self {
            Self::Myself => Tool::new(program),
            Self::Caller(caller) => caller.run(program),
        }
    }

    /// The command that runs `program` with this program's privileges in the builder's environment: cargo
    /// then finds the same homes, and rebuilds nothing.
    pub(crate) fn run_undropped(&self, program: impl Into<OsString>) -> Tool {
        match self {
            Self::Myself => Tool::new(program),
            Self::Caller(caller) => caller.environment(program.into()),
        }
    }

    pub(crate) fn ids(&self) -> Option<Ids> {
        match self {
            Self::Myself => None,
            Self::Caller(caller) => Some(caller.ids),
        }
    }
}

impl Caller {
    fn run(&self, program: OsString) -> Tool {
        self.environment(program).ids(self.ids)
    }

    fn environment(&self, program: OsString) -> Tool {
        let roots = root_home();
        // The caller cannot enter root's toolchain, and uses the one on their PATH.
        let program = match Path::new(&program) {
            path if path.starts_with(&roots) => path.file_name().unwrap_or(&program).to_owned(),
            _ => program,
        };
        let mut tool = Tool::new(program)
            .env("HOME", &self.home)
            .env("USER", &self.name)
            .env("LOGNAME", &self.name)
            .env("PATH", self.path(&roots))
            .without_env("XDG_CACHE_HOME");
        for name in TOOLCHAIN_HOMES {
            if env::var_os(name).is_some_and(|home| Path::new(&home).starts_with(&roots)) {
                tool = tool.without_env(*name);
            }
        }
        tool
    }

    /// The caller's cargo first, and no folder of root's home.
    fn path(&self, roots: &Path) -> OsString {
        let current = env::var_os("PATH").unwrap_or_default();
        let kept = env::split_paths(&current).filter(|dir| !dir.starts_with(roots));
        let dirs: Vec<_> = std::iter::once(self.home.join(".cargo/bin"))
            .chain(kept)
            .collect();
        // This fails only for a folder with a colon in its name, and no PATH can name that.
        env::join_paths(dirs).unwrap_or(current)
    }
}

fn root_home() -> PathBuf {
    match User::from_uid(Uid::from_raw(0)) {
        Ok(Some(root)) => root.dir,
        Ok(None) | Err(_) => PathBuf::from("/root"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: Ids = Ids {
        uid: 1000,
        gid: 1001,
    };

    #[test]
    fn root_through_sudo_differs_from_plain_root() {
        assert_eq!(Privileges::decide(0, None), Privileges::Root);
        assert_eq!(Privileges::decide(0, Some((0, 0))), Privileges::Root);
        assert_eq!(
            Privileges::decide(0, Some((1000, 1001))),
            Privileges::Sudo(CALLER)
        );
    }

    #[test]
    fn inherited_sudo_variables_do_not_make_a_user_root() {
        assert_eq!(
            Privileges::decide(1000, Some((1000, 1001))),
            Privileges::User
        );
    }

    #[test]
    fn only_an_ordinary_user_goes_through_sudo() {
        let sudo = Path::new("/usr/bin/sudo");
        assert_eq!(
            Privileges::User.tracer(Some(sudo)),
            TracerStart::ThroughSudo
        );
        assert_eq!(Privileges::User.tracer(None), TracerStart::Unavailable);
        assert_eq!(Privileges::Root.tracer(Some(sudo)), TracerStart::Direct);
        assert_eq!(Privileges::Sudo(CALLER).tracer(None), TracerStart::Direct);
    }

    #[test]
    fn the_caller_behind_sudo_builds_with_their_own_home_and_toolchain() {
        let caller = Caller {
            ids: CALLER,
            name: "ann".into(),
            home: "/home/ann".into(),
        };
        let line = caller
            .run(root_home().join(".rustup/bin/cargo").into())
            .line();
        assert!(
            line.starts_with("HOME=/home/ann USER=ann LOGNAME=ann PATH="),
            "{line}"
        );
        assert!(line.contains("PATH=/home/ann/.cargo/bin:"), "{line}");
        assert!(line.ends_with(" cargo"), "{line}");
    }
}
