//! The kernels in the cache: one folder for each series, with the image, its modules in the order in
//! which they load, and a stamp that says from which package they came.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::{
    modules,
    offers::{self, Offer},
    programs::Programs,
    series::Series,
    suites,
};
use crate::{
    apt::{self, Lists},
    cache::{Cache, Locked},
    say,
};

/// Incremented with every change that makes an older folder unusable.
const RECIPE: u32 = 1;

/// A generic kernel takes about 560 MiB while it is unpacked; only what a guest needs stays.
const SPACE_BYTES: u64 = 700 << 20;

const STAMP: &str = "stamp.toml";

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct KernelStamp {
    recipe: u32,
    pub(crate) package: String,
    pub(crate) version: String,
    /// The package's checksum in the signed lists.
    pub(crate) sha256: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    /// The name that a person uses: the series, or the version of the user's own kernel.
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) image: PathBuf,
    /// The modules, in the order in which they load.
    pub(crate) modules: Vec<PathBuf>,
    /// `None` for the user's own kernel.
    pub(crate) stamp: Option<KernelStamp>,
}

/// The kernel of `series`; if the cache does not hold it, it is fetched.
pub(crate) fn ensure(cache: &Cache, series: Series) -> Result<Kernel> {
    if let Some(kernel) = cached(cache, series) {
        return Ok(kernel);
    }
    let locked = cache.lock()?;
    // Another run may have fetched it while this one waited.
    if let Some(kernel) = cached(cache, series) {
        return Ok(kernel);
    }
    let lists = suites::lists(cache)?;
    let offer = offers::find(&lists, series)?;
    fetch(cache, &locked, series, &offer, &lists)?;
    drop(locked);
    cached(cache, series).with_context(|| format!("Linux {series} is not in the cache"))
}

pub(crate) fn cached(cache: &Cache, series: Series) -> Option<Kernel> {
    let folder = folder(cache, series);
    let text = fs::read_to_string(folder.join(STAMP)).ok()?;
    let stamp: KernelStamp = toml::from_str(&text).ok()?;
    if stamp.recipe != RECIPE {
        return None;
    }
    let modules = fs::read_dir(folder.join("modules")).ok()?;
    let mut modules: Vec<PathBuf> = modules.flatten().map(|entry| entry.path()).collect();
    modules.sort();
    Some(Kernel {
        name: series.to_string(),
        version: stamp.version.clone(),
        image: folder.join("vmlinuz"),
        modules,
        stamp: Some(stamp),
    })
}

pub(crate) fn folder(cache: &Cache, series: Series) -> PathBuf {
    cache.kernels().join(series.to_string())
}

pub(crate) fn all_cached(cache: &Cache) -> Vec<Series> {
    let entries = fs::read_dir(cache.kernels())
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<Series> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|series| cached(cache, *series).is_some())
        .collect();
    found.sort_unstable();
    found
}

fn fetch(
    cache: &Cache,
    locked: &Locked<'_>,
    series: Series,
    offer: &Offer,
    lists: &Lists,
) -> Result<()> {
    cache.require_space(SPACE_BYTES)?;
    let staging = locked.staging()?;
    let debs = staging.path().join("debs");
    fs::create_dir_all(&debs)?;
    let packages = offer.packages();
    let text = format!("download Linux {series}: {}", packages.join(" "));
    let said = say::step(text, || lists.download(&packages).dir(&debs).capture())?;
    if !said.status.success() {
        return Err(apt::download_failed(said));
    }
    let root = staging.path().join("root");
    let part = staging.path().join("kernel");
    say::step("pick the image and the modules that a VM needs", || {
        apt::unpack(&debs, &root)?;
        pick(&root, &part, &Programs::while_locked(cache, locked))
    })?;
    let stamp = KernelStamp {
        recipe: RECIPE,
        package: offer.image.package.clone(),
        version: offer.image.version.clone(),
        sha256: offer.image.sha256.clone(),
    };
    fs::write(
        part.join(STAMP),
        toml::to_string(&stamp).context("serialise(stamp)")?,
    )?;
    locked.put(&staging, &part, &folder(cache, series))
}

/// Copies what a VM boots from unpacked packages to `part`.
fn pick(root: &Path, part: &Path, programs: &Programs<'_>) -> Result<()> {
    let folder = ["lib/modules", "usr/lib/modules"]
        .iter()
        .find_map(|below| only_entry(&root.join(below)))
        .context("the packages have no lib/modules/VERSION")?;
    let beside = folder.join("vmlinuz");
    let image = if beside.exists() {
        beside
    } else {
        find_image(&root.join("boot"))?
    };
    put_modules(&folder, &part.join("modules"), programs)?;
    fs::copy(&image, part.join("vmlinuz"))?;
    Ok(())
}

/// Writes the modules below `folder` that a VM needs, under names that sort as they load.
pub(crate) fn put_modules(folder: &Path, to: &Path, programs: &Programs<'_>) -> Result<()> {
    fs::create_dir_all(to)?;
    for (index, module) in modules::needed(folder, programs)?.into_iter().enumerate() {
        let place = to.join(format!("{index:02}-{}.ko", module.name));
        fs::write(place, module.content)?;
    }
    Ok(())
}

fn find_image(boot: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(boot)?;
    let image = entries.flatten().map(|entry| entry.path()).find(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz"))
    });
    match image {
        Some(image) => Ok(image),
        None => bail!("{} holds no vmlinuz", boot.display()),
    }
}

fn only_entry(folder: &Path) -> Option<PathBuf> {
    Some(fs::read_dir(folder).ok()?.next()?.ok()?.path())
}
