//! The machine as the checks see it: files below a root, so that a test can show them another machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nix::unistd::{Uid, User};

/// What the checks may ask.
#[derive(Clone, Debug)]
pub struct Host {
    root: PathBuf,
    work_dir: PathBuf,
    homes: Vec<String>,
}

impl Host {
    /// This machine, with lessons working under `work_dir`.
    #[must_use]
    pub fn this(work_dir: PathBuf) -> Self {
        Host {
            root: PathBuf::from("/"),
            work_dir,
            homes: homes(),
        }
    }

    #[cfg(test)]
    pub(super) fn shown_by(root: &Path) -> Self {
        Host {
            root: root.to_owned(),
            work_dir: PathBuf::from("/var/tmp"),
            homes: vec!["/home/ann".to_owned()],
        }
    }

    /// Where lessons work.
    #[must_use]
    pub fn work_dir(&self) -> &Path {
        &self.work_dir
    }

    /// A file's text without the blanks around it; `None` if it is not there or closed to us.
    pub(super) fn read(&self, path: &str) -> Option<String> {
        let text = fs::read_to_string(self.path(path)).ok()?;
        Some(text.trim().to_owned())
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A field of `/proc/self/status`, see `proc_pid_status(5)`.
    pub(super) fn status(&self, field: &str) -> Option<String> {
        self.read("/proc/self/status")?.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name == field).then(|| value.trim().to_owned())
        })
    }

    /// The word that a file like `[none] integrity` has chosen.
    pub(super) fn chosen(&self, path: &str) -> Option<String> {
        let text = self.read(path)?;
        let (_, rest) = text.split_once('[')?;
        Some(rest.split_once(']')?.0.to_owned())
    }

    /// A report is pasted in public: it does not tell whose machine this is.
    pub(super) fn without_home(&self, text: &str) -> String {
        self.homes
            .iter()
            .fold(text.to_owned(), |text, home| text.replace(home, "~"))
    }
}

/// Of this account, and of whoever called sudo; longest first, because one may lie in another.
fn homes() -> Vec<String> {
    let caller = std::env::var("SUDO_UID")
        .ok()
        .and_then(|uid| User::from_uid(Uid::from_raw(uid.parse().ok()?)).ok()?)
        .map(|user| user.dir.to_string_lossy().into_owned());
    let mut homes: Vec<String> = std::env::var("HOME")
        .ok()
        .into_iter()
        .chain(caller)
        .collect();
    homes.retain(|home| home.len() > 1);
    homes.sort_unstable_by_key(|home| std::cmp::Reverse(home.len()));
    homes
}
