//! `.ci/allowed-skips`: the tests that may be skipped in CI, one `test-name: reason` on each line.

use std::{fs, io, path::Path};

use anyhow::{Context as _, Result, bail};

#[derive(Debug, Default)]
pub(super) struct Allowed {
    tests: Vec<(String, String)>,
}

impl Allowed {
    /// Reads the repository's list; without a file, no test may be skipped.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let path = root.join(".ci/allowed-skips");
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).with_context(|| format!("parse({})", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("read({})", path.display())),
        }
    }

    /// A name may contain `::`, so it ends at the first colon before a space.
    pub(super) fn parse(list: &str) -> Result<Self> {
        let mut tests = Vec::new();
        for line in list.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match line.split_once(": ") {
                Some((test, reason)) => tests.push((test.to_owned(), reason.trim().to_owned())),
                None => bail!("`{line}` is not `test-name: reason`"),
            }
        }
        Ok(Self { tests })
    }

    /// Why `test` may be skipped; `None` if it may not.
    pub(super) fn reason(&self, test: &str) -> Option<&str> {
        self.tests
            .iter()
            .find(|(name, _)| name == test)
            .map(|(_, reason)| reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_paths_are_read_and_comments_ignored() {
        let allowed = Allowed::parse("# why\n\na::b::c: no disk: none at all\n").unwrap();
        assert_eq!(allowed.reason("a::b::c"), Some("no disk: none at all"));
        assert_eq!(allowed.reason("a"), None);
    }

    #[test]
    fn a_name_without_a_reason_is_refused() {
        assert!(Allowed::parse("a::b\n").is_err());
    }
}
