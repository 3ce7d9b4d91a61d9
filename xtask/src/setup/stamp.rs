//! The stamp of a finished toolchain: which recipe made it, and what it consists of.

use std::path::Path;

use anyhow::{Context as _, Result};
use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::{linker, nightly, shims};
use crate::cache::Cache;

/// Incremented with every change that makes an old toolchain unusable.
const RECIPE: u32 = 2;

const FILE: &str = "stamp.toml";

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Origin {
    /// rustup's nightly, which stays where it is.
    Nightly,
    /// Packages of the distribution, unpacked.
    Debian,
}

/// The file beside a finished toolchain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Stamp {
    recipe: u32,
    bpf_linker: String,
    way: Origin,
    /// The versions that were found or unpacked, to be shown and compared.
    pub(crate) detail: String,
}

#[derive(Debug)]
pub(crate) enum State {
    Ready(Stamp),
    /// The text says why it must be made.
    Missing(&'static str),
}

impl Stamp {
    pub(crate) fn new(way: Origin, detail: String) -> Self {
        Self {
            recipe: RECIPE,
            bpf_linker: linker::VERSION.to_owned(),
            way,
            detail,
        }
    }

    pub(crate) fn write(&self, toolchain: &Path) -> Result<()> {
        fs::create_dir_all(toolchain)?;
        let text = toml::to_string(self).context("serialise(stamp)")?;
        Ok(fs::write(toolchain.join(FILE), text)?)
    }

    fn read(toolchain: &Path) -> Option<Self> {
        toml::from_str(&fs::read_to_string(toolchain.join(FILE)).ok()?).ok()
    }
}

pub(crate) fn state(cache: &Cache) -> State {
    let toolchain = cache.toolchain();
    let Some(stamp) = Stamp::read(&toolchain) else {
        return State::Missing("the cache holds none");
    };
    if stamp.recipe != RECIPE || stamp.bpf_linker != linker::VERSION {
        return State::Missing("the one in the cache was made by another version of this recipe");
    }
    match stamp.way {
        Origin::Debian if !shims::complete(&toolchain) => {
            State::Missing("the one in the cache is incomplete")
        }
        // An upgrade of the machine's libraries may have broken it; then it is made again.
        Origin::Debian if shims::start(&toolchain) => State::Ready(stamp),
        Origin::Debian => State::Missing("the one in the cache no longer runs"),
        // It lies outside the cache and may have changed since.
        Origin::Nightly if nightly::fingerprint().is_ok_and(|now| now == stamp.detail) => {
            State::Ready(stamp)
        }
        Origin::Nightly => State::Missing("the nightly it was made for has changed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_survives_writing_and_reading() {
        let dir = tempfile::tempdir().unwrap();
        let stamp = Stamp::new(Origin::Debian, "rustc-web 1.96".into());
        stamp.write(dir.path()).unwrap();
        assert_eq!(Stamp::read(dir.path()), Some(stamp));
    }

    #[test]
    fn a_truncated_stamp_is_ignored() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "recipe = 1\nbpf_li").unwrap();
        assert_eq!(Stamp::read(dir.path()), None);
    }
}
