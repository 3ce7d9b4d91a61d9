//! Under sudo: who owns what cargo leaves in the target directory.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, lchown},
    path::{Path, PathBuf},
};

use anyhow::Result;

use crate::{account::Builder, tool::Ids, workspace};

/// Whose the files in the target directory are to be.
#[derive(Debug)]
pub(crate) enum Ownership {
    /// As they are made.
    Leave,
    /// What root made belongs to the account behind sudo.
    GiveBack {
        /// The account.
        to: Ids,
        /// The directory.
        target: PathBuf,
    },
}

impl Ownership {
    /// As it follows from who builds.
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

/// Never follows a link. What cannot be given stays: the build then names the file it cannot write.
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
    fn a_link_is_given_and_not_what_it_leads_to() {
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
