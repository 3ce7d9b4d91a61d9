//! Which packages bring a rustc with `core` for BPF: a table of names, and how versions compare.

use super::packages::Control;
use crate::workspace::RUST_VERSION;

/// Packages built from one source.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Family {
    /// The compiler.
    pub(crate) rustc: &'static str,
    /// `std` for the host: build scripts and macros run there.
    pub(crate) host: &'static str,
    /// `core` for BPF.
    pub(crate) bpf: &'static str,
}

/// Preferred first. Stable releases get a newer rustc under names of its own, for the browsers.
pub(crate) const FAMILIES: &[Family] = &[
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
    /// Its packages.
    pub(crate) fn names(&self) -> [&'static str; 3] {
        [self.rustc, self.host, self.bpf]
    }

    /// Whether the lists offer all of it, new enough; otherwise why not.
    pub(crate) fn offered(&self, candidates: &[Control]) -> Result<(), String> {
        for name in self.names() {
            let Some(control) = candidates.iter().find(|control| control.package == name) else {
                return Err(format!("{name} is not offered"));
            };
            if number(&control.version) < number(RUST_VERSION) {
                return Err(format!(
                    "{name} is {}, and {RUST_VERSION} is needed",
                    control.version
                ));
            }
        }
        Ok(())
    }
}

/// Major and minor number of `1.96.0+dfsg1-1~deb12u2` or of `1:22.1.8-1`.
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

    fn candidates(version: &str, names: &[&str]) -> Vec<Control> {
        let control = |name: &&str| Control {
            package: (*name).to_owned(),
            version: version.to_owned(),
            ..Control::default()
        };
        names.iter().map(control).collect()
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_without_the_epoch() {
        assert!(number("1.100.0-1") > number("1.96.0+dfsg1-1~deb12u2"));
        assert_eq!(number("1:22.1.8-1"), (22, 1));
    }

    #[test]
    fn a_family_is_offered_only_as_a_whole() {
        let web = &FAMILIES[0];
        let all = web.names();
        assert_eq!(web.offered(&candidates("1.96.0+dfsg1-1", &all)), Ok(()));
        let why = web
            .offered(&candidates("1.96.0+dfsg1-1", &all[..2]))
            .unwrap_err();
        assert_eq!(why, "libstd-rust-web-dev-bpf is not offered");
    }

    #[test]
    fn an_old_rustc_is_refused_with_both_versions() {
        let why = FAMILIES[1]
            .offered(&candidates("1.63.0+dfsg1-2", &["rustc"]))
            .unwrap_err();
        assert!(
            why.contains("1.63.0+dfsg1-2") && why.contains(RUST_VERSION),
            "{why}"
        );
    }
}
