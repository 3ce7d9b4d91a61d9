//! `xtask/kernels.lock`: the versions on which all claims were last seen to hold.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use fs_err as fs;
use serde::Deserialize;

use super::series::Series;
use crate::workspace;

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
struct Proven {
    version: String,
    sha256: String,
}

/// The series of the file in order, which `--kernel all` and the tests use.
pub(crate) fn matrix() -> Result<Vec<Series>> {
    let names = read()?.into_keys();
    let mut matrix: Vec<Series> = names
        .map(|name| name.parse().map_err(anyhow::Error::msg))
        .collect::<Result<_>>()?;
    matrix.sort_unstable();
    Ok(matrix)
}

/// What to say about a kernel that is not the proven one.
pub(crate) fn notice(series: &str, version: &str) -> Result<Option<String>> {
    Ok(difference(&read()?, series, version))
}

fn difference(proven: &BTreeMap<String, Proven>, series: &str, version: &str) -> Option<String> {
    match proven.get(series) {
        None => Some(format!(
            "xtask/kernels.lock does not name Linux {series}: nobody has checked all claims on it"
        )),
        Some(known) if known.version != version => Some(format!(
            "all claims were last seen to hold on {} (xtask/kernels.lock)",
            known.version
        )),
        Some(_) => None,
    }
}

fn read() -> Result<BTreeMap<String, Proven>> {
    let path = workspace::root()?.join("xtask/kernels.lock");
    let text = fs::read_to_string(&path)?;
    toml::from_str(&text).with_context(|| format!("parse({})", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_version_that_was_not_proven_is_noticed() {
        let proven: BTreeMap<String, Proven> =
            toml::from_str("[\"6.12\"]\nversion = \"6.12.117-1\"\nsha256 = \"0\"\n").unwrap();
        assert_eq!(difference(&proven, "6.12", "6.12.117-1"), None);
        assert!(
            difference(&proven, "6.12", "6.12.118-1")
                .unwrap()
                .contains("6.12.117-1")
        );
        assert!(difference(&proven, "6.18", "6.18.15-1").is_some());
    }

    #[test]
    fn the_matrix_has_the_oldest_and_the_newest_series() {
        let matrix: Vec<String> = matrix().unwrap().iter().map(Series::to_string).collect();
        for series in ["6.1", "6.12", "7.3"] {
            assert!(matrix.iter().any(|name| name == series), "{matrix:?}");
        }
    }
}
