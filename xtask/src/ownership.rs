//! Under sudo, gives what cargo leaves in the target directory to the account that called sudo.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, lchown},
    path::{Path, PathBuf},
};

use anyhow::Result;

use crate::{account::Builder, tool::Ids, workspace};

#[derive(Debug)]
pub(crate) enum Ownership {
    /// Every file stays with the account that made it.
    Leave,
    /// Root's files in the target directory go to the account behind sudo.
    GiveBack { to: Ids, target: PathBuf },
}

impl Ownership {
    pub(crate) fn of(builder: &Builder) -> Result<Self> {
        Ok(match builder.ids() {
            None => Self::Leave,
            Some(to) => Self::GiveBack {
                to,
                target: workspace::target_dir()?,
            },
        })
    }

    /// Gives root's files to the caller: cargo, started by sudo, made them before this program ran.
    pub(crate) fn give_back(&self) {
        if let Self::GiveBack { to, target } = self {
            give(target, *to);
        }
    }
}

/// Never follows a link. A file that cannot be given away is skipped: the build then names it.
fn give(path: &Path, to: Ids) {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return;
    };
    if metadata.uid() == 0 {
        let _ = lchown(path, Some(to.uid), Some(to.gid));
    }
    if metadata.is_dir()
        && let Ok(entries) = fs::read_dir(path)
    {
        entries.flatten().for_each(|entry| give(&entry.path(), to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_given_away_but_not_its_target() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (target, outside) = (dir.path().join("target"), dir.path().join("outside"));
        fs::create_dir(&target).unwrap();
        fs::write(&outside, "").unwrap();
        std::os::unix::fs::symlink(&outside, target.join("link")).unwrap();
        fs::write(target.join("file"), "").unwrap();
        give(
            &target,
            Ids {
                uid: 1234,
                gid: 1235,
            },
        );
        let owner = |path: &Path| fs::symlink_metadata(path).unwrap().uid();
        assert_eq!(owner(&outside), 0);
        for given in [target.clone(), target.join("link"), target.join("file")] {
            assert_eq!(owner(&given), 1234, "{}", given.display());
        }
    }
}
