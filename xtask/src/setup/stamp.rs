//! The mark of a finished toolchain: which recipe made it and what it consists of.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::{linker, nightly, shims};
use crate::cache::Cache;

/// Changes with everything that makes an old toolchain unfit.
const RECIPE: u32 = 2;

const FILE: &str = "stamp.toml";

/// Which way made a toolchain.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Way {
    /// rustup's nightly, used where it is.
    Nightly,
    /// Unpacked packages of the distribution.
    Debian,
}

/// What stands beside a finished toolchain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Stamp {
    recipe: u32,
    bpf_linker: String,
    way: Way,
    /// What was found or unpacked, for a person and for comparison.
    pub(crate) detail: String,
}

/// The toolchain of a cache.
#[derive(Debug)]
pub(crate) enum State {
    /// It can be used.
    Ready(Stamp),
    /// It must be made; the text says why.
    Missing(&'static str),
}

impl Stamp {
    /// The mark of a toolchain made now.
    pub(crate) fn new(way: Way, detail: String) -> Self {
        Self {
            recipe: RECIPE,
            bpf_linker: linker::VERSION.to_owned(),
            way,
            detail,
        }
    }

    /// Writes it into `toolchain`, creating the folder if needed.
    pub(crate) fn write(&self, toolchain: &Path) -> Result<()> {
        fs::create_dir_all(toolchain)
            .with_context(|| format!("create_dir_all({})", toolchain.display()))?;
        let path = toolchain.join(FILE);
        let text = toml::to_string(self).context("serialise(stamp)")?;
        fs::write(&path, text).with_context(|| format!("write({})", path.display()))
    }

    fn read(toolchain: &Path) -> Option<Self> {
        toml::from_str(&fs::read_to_string(toolchain.join(FILE)).ok()?).ok()
    }
}

/// Whether the toolchain of `cache` can be used as it is.
pub(crate) fn state(cache: &Cache) -> State {
    let toolchain = cache.toolchain();
    let Some(stamp) = Stamp::read(&toolchain) else {
        return State::Missing("the cache holds none");
    };
    if stamp.recipe != RECIPE || stamp.bpf_linker != linker::VERSION {
        return State::Missing("the one in the cache was made by another version of this recipe");
    }
    match stamp.way {
        Way::Debian if !shims::complete(&toolchain) => {
            State::Missing("the one in the cache is incomplete")
        }
        // The machine's own libraries may have changed since: then it is made anew for these.
        Way::Debian if shims::start(&toolchain) => State::Ready(stamp),
        Way::Debian => State::Missing("the one in the cache does not run any more"),
        // It lies outside the cache and may have changed since.
        Way::Nightly if nightly::fingerprint().is_ok_and(|now| now == stamp.detail) => {
            State::Ready(stamp)
        }
        Way::Nightly => State::Missing("the nightly it was made for has changed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_back_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let stamp = Stamp::new(Way::Debian, "rustc-web 1.96".into());
        stamp.write(dir.path()).unwrap();
        assert_eq!(Stamp::read(dir.path()), Some(stamp));
    }

    #[test]
    fn a_torn_stamp_is_no_stamp() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "recipe = 1\nbpf_li").unwrap();
        assert_eq!(Stamp::read(dir.path()), None);
    }
}
