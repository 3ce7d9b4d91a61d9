//! The names under which distributions package a rustc with `core` for BPF, and how versions compare.

use crate::{apt::Package, workspace::RUST_VERSION};

/// Packages that are built from one source.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Family {
    pub(super) rustc: &'static str,
    /// `std` for the host, where build scripts and macros run.
    pub(super) host: &'static str,
    /// `core` for BPF.
    pub(super) bpf: &'static str,
}

/// The preferred family comes first: stable releases package a newer rustc for the browsers.
pub(super) const FAMILIES: &[Family] = &[
    Family {
        rustc: "rustc-web",
        host: "libstd-rust-web-dev",
        bpf: "libstd-rust-web-dev-bpf",
    },
    Family {
        rustc: "rustc",
        host: "libstd-rust-dev",
        bpf: "libstd-rust-dev-bpf",
    },
];

impl Family {
    pub(super) fn names(&self) -> [String; 3] {
        [self.rustc, self.host, self.bpf].map(str::to_owned)
    }

    /// Whether this rustc builds the workspace; if not, why.
    pub(super) fn is_new_enough(&self, packages: &[Package]) -> Result<(), String> {
        let Some(rustc) = packages.iter().find(|it| it.name == self.rustc) else {
            return Err(format!("{} is not offered", self.rustc));
        };
        if number(&rustc.version) < number(RUST_VERSION) {
            let Package { name, version } = rustc;
            return Err(format!("{name} is {version}, and {RUST_VERSION} is needed"));
        }
        Ok(())
    }
}

/// The major and minor number of `1.96.0+dfsg1-1~deb12u2` or `1:22.1.8-1`.
fn number(version: &str) -> (u32, u32) {
    let version = version
        .split_once(':')
        .map_or(version, |(_epoch, rest)| rest);
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers_without_the_epoch() {
        assert!(number("1.100.0-1") > number("1.96.0+dfsg1-1~deb12u2"));
        assert_eq!(number("1:22.1.8-1"), (22, 1));
    }

    #[test]
    fn an_old_rustc_is_refused_with_both_versions() {
        let package = |version: &str| Package {
            name: "rustc".to_owned(),
            version: version.to_owned(),
        };
        let family = &FAMILIES[1];
        assert_eq!(family.is_new_enough(&[package("1.96.0+dfsg1-1")]), Ok(()));
        let why = family
            .is_new_enough(&[package("1.63.0+dfsg1-2")])
            .unwrap_err();
        assert!(
            why.contains("1.63.0+dfsg1-2") && why.contains(RUST_VERSION),
            "{why}"
        );
        assert_eq!(
            family.is_new_enough(&[]),
            Err("rustc is not offered".to_owned())
        );
    }
}
