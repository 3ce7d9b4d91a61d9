//! Names of kernels: what a person types, and what Debian calls the packages.

use std::{fmt, str::FromStr};

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Flavour {
    /// For VMs: small, with nearly everything built in.
    Cloud,
    /// For any machine, with ext4 and virtio as modules.
    Generic,
}

/// A series of kernels, in one configuration: `6.12`, `6.12-generic`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Series {
    major: u32,
    minor: u32,
    flavour: Flavour,
}

const GENERIC: &str = "-generic";

impl FromStr for Series {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, flavour) = match text.strip_suffix(GENERIC) {
            Some(number) => (number, Flavour::Generic),
            None => (text, Flavour::Cloud),
        };
        let parsed = number
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        match parsed {
            Some((major, minor)) => Ok(Self {
                major,
                minor,
                flavour,
            }),
            None => Err(format!(
                "`{text}` is not a kernel series; examples are 6.12 and 6.12{GENERIC}"
            )),
        }
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flavour = match self.flavour {
            Flavour::Cloud => "",
            Flavour::Generic => GENERIC,
        };
        f.pad(&format!("{}.{}{flavour}", self.major, self.minor))
    }
}

impl Series {
    /// The series of an image's package, such as `linux-image-6.12.117+deb12-cloud-amd64`.
    pub(crate) fn of_package(name: &str) -> Option<Self> {
        let rest = name.strip_prefix("linux-image-")?.strip_suffix("-amd64")?;
        let (rest, flavour) = match rest.strip_suffix("-cloud") {
            Some(rest) => (rest, Flavour::Cloud),
            None => (rest, Flavour::Generic),
        };
        let mut numbers = rest.splitn(3, '.');
        let (major, minor) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        // `6.12` alone is a metapackage, and `6.1.0-56-rt` another configuration.
        let last = numbers.next()?;
        let is_plain = last
            .split(['-', '+'])
            .all(|part| part.starts_with("deb") || part.bytes().all(|byte| byte.is_ascii_digit()));
        is_plain.then_some(Self {
            major,
            minor,
            flavour,
        })
    }
}

/// The numbers that order versions of one series, up to the tilde of a backport.
pub(crate) fn numbers(version: &str) -> Vec<u32> {
    let upstream = version.split('~').next().unwrap_or(version);
    upstream
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_survives_printing_and_parsing() {
        for text in ["6.1", "6.12", "6.12-generic", "7.3"] {
            assert_eq!(text.parse::<Series>().unwrap().to_string(), text);
        }
        for wrong in ["", "6", "all", "6.x", "6.12-cloud"] {
            assert!(wrong.parse::<Series>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_packages_with_an_image_have_a_series() {
        for (package, series) in [
            ("linux-image-6.1.0-56-cloud-amd64", Some("6.1")),
            ("linux-image-6.1.0-56-amd64", Some("6.1-generic")),
            ("linux-image-6.12.117+deb12-cloud-amd64", Some("6.12")),
            ("linux-image-7.3.4+deb13-amd64", Some("7.3-generic")),
            ("linux-image-6.12.117+deb12-rt-amd64", None),
            ("linux-image-6.12-amd64", None),
            ("linux-image-cloud-amd64", None),
            ("linux-image-6.12.117+deb12-cloud-amd64-unsigned", None),
            ("linux-image-6.12.117+deb12-cloud-amd64-dbg", None),
        ] {
            let found = Series::of_package(package).map(|series| series.to_string());
            assert_eq!(found.as_deref(), series, "{package}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("6.12.117-1~deb12u1") > numbers("6.12.99-2"));
        assert!(numbers("6.1.192-2") > numbers("6.1.192-1"));
    }
}
