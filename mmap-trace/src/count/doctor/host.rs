//! The machine that the checks examine: files below a root directory, so that tests can make up a machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nix::unistd::{Uid, User};

#[derive(Clone, Debug)]
pub struct Host {
    root: PathBuf,
    work_dir: PathBuf,
    homes: Vec<String>,
}

impl Host {
    /// This machine, with work directories under `work_dir`.
    #[must_use]
    pub fn this(work_dir: PathBuf) -> Self {
        Host {
            root: PathBuf::from("/"),
            work_dir,
            homes: homes(),
        }
    }

    #[cfg(test)]
    pub(super) fn below(root: &Path) -> Self {
        Host {
            root: root.to_owned(),
            work_dir: PathBuf::from("/var/tmp"),
            homes: vec!["/home/ann".to_owned()],
        }
    }

    /// The directory in which lessons work.
    #[must_use]
    pub fn work_dir(&self) -> &Path {
        &self.work_dir
    }

    /// A file's text without surrounding white space; `None` if it cannot be read.
    pub(super) fn read(&self, path: &str) -> Option<String> {
        let text = fs::read_to_string(self.path(path)).ok()?;
        Some(text.trim().to_owned())
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A field of /proc/self/status, see `proc_pid_status(5)`.
    pub(super) fn status(&self, field: &str) -> Option<String> {
        self.read("/proc/self/status")?.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name == field).then(|| value.trim().to_owned())
        })
    }

    /// The selected word of a file such as `[none] integrity`.
    pub(super) fn chosen(&self, path: &str) -> Option<String> {
        let text = self.read(path)?;
        let (_, rest) = text.split_once('[')?;
        Some(rest.split_once(']')?.0.to_owned())
    }

    /// Hides home directories, because reports are pasted in public.
    pub(super) fn without_home(&self, text: &str) -> String {
        self.homes
            .iter()
            .fold(text.to_owned(), |text, home| text.replace(home, "~"))
    }
}

/// Home directories of this account and of the one that called sudo; longest first, as one may contain another.
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
