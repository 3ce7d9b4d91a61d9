//! Which kernels Debian's suites offer: the newest package of each series.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::series::{Series, numbers};
use crate::{
    apt::{Control, Lists},
    problem::Problem,
};

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Offer {
    /// The entry of the package with the image.
    pub(crate) image: Control,
}

pub(crate) fn all(lists: &Lists) -> Result<BTreeMap<Series, Offer>> {
    let mut names = lists.search("^linux-image-[0-9].*-amd64$")?;
    names.retain(|name| Series::of_package(name).is_some());
    Ok(newest(lists.show(&names)?))
}

fn newest(images: Vec<Control>) -> BTreeMap<Series, Offer> {
    let mut offers: BTreeMap<Series, Offer> = BTreeMap::new();
    for image in images {
        let Some(series) = Series::of_package(&image.package) else {
            continue;
        };
        let is_newer = offers
            .get(&series)
            .is_none_or(|other| numbers(&other.image.version) < numbers(&image.version));
        if is_newer {
            offers.insert(series, Offer { image });
        }
    }
    offers
}

pub(crate) fn find(lists: &Lists, series: Series) -> Result<Offer> {
    let mut offers = all(lists)?;
    if let Some(offer) = offers.remove(&series) {
        return Ok(offer);
    }
    let offered: Vec<String> = offers.keys().map(Series::to_string).collect();
    bail!(Problem {
        what: format!("no suite offers Linux {series}"),
        now: format!("they offer {}", offered.join(", ")),
        why: "kernels come from packages that apt has verified".to_owned(),
        commands: vec![
            "cargo xtask kernels    # lists the kernels to choose from".to_owned(),
            "cargo xtask run LESSON --kernel-image FILE    # boots a kernel of your own".to_owned(),
        ],
    })
}

impl Offer {
    /// The packages to download: newer releases keep image and modules in packages of their own.
    pub(crate) fn packages(&self) -> Vec<String> {
        let parts = self.image.depends.iter().filter(|name| {
            ["linux-base-", "linux-binary-", "linux-modules-"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        });
        std::iter::once(&self.image.package)
            .chain(parts)
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(package: &str, version: &str, depends: &[&str]) -> Control {
        Control {
            package: package.to_owned(),
            version: version.to_owned(),
            depends: depends.iter().map(|&name| name.to_owned()).collect(),
            ..Control::default()
        }
    }

    #[test]
    fn the_newest_package_of_a_series_is_offered() {
        let offers = newest(vec![
            image("linux-image-6.12.99+deb12-cloud-amd64", "6.12.99-1", &[]),
            image(
                "linux-image-6.12.117+deb12-cloud-amd64",
                "6.12.117-1~deb12u1",
                &[],
            ),
            image("linux-image-6.12.107+deb12-amd64", "6.12.107-1", &[]),
        ]);
        let version = |series: &str| offers[&series.parse().unwrap()].image.version.clone();
        assert_eq!(version("6.12"), "6.12.117-1~deb12u1");
        assert_eq!(version("6.12-generic"), "6.12.107-1");
    }

    #[test]
    fn packages_that_hold_image_and_modules_are_downloaded_too() {
        let image = image(
            "linux-image-7.3.4+deb13-amd64",
            "7.3.4-1",
            &[
                "dracut",
                "linux-base-7.3.4+deb13-amd64",
                "linux-binary-7.3.4+deb13-amd64",
                "linux-modules-7.3.4+deb13-amd64",
            ],
        );
        assert_eq!(Offer { image }.packages().len(), 4);
    }
}
