//! `cargo xtask kernels`: the running kernel, those in the cache, and those that suites offer.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use fs_err as fs;
use serde::Serialize;

use super::{
    lock,
    offers::{self, Offer},
    series::Series,
    store, suites,
};
use crate::{cache::Cache, say};

#[derive(Debug, Serialize)]
struct Report {
    /// `uname -r` of this machine.
    running: String,
    kernels: Vec<Entry>,
}

#[derive(Debug, Eq, PartialEq, Serialize)]
struct Entry {
    series: String,
    /// Whether `xtask/kernels.lock` names it.
    proven: bool,
    cached: Option<Cached>,
    /// The newest version that any suite offers.
    offered: Option<String>,
}

#[derive(Debug, Eq, PartialEq, Serialize)]
struct Cached {
    version: String,
    package: String,
    sha256: String,
    bytes: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A table for people
    Table,
    /// JSON for programs
    Json,
}

/// Prints the list, after updating package lists that are older than a day.
pub(crate) fn list(format: Format) -> Result<ExitCode> {
    let cache = Cache::of_this_account()?;
    let offers = match offers(&cache) {
        Ok(offers) => offers,
        Err(error) => {
            // Cached kernels can be run without a network.
            say::note(format_args!(
                "cannot find out which kernels Debian offers: {error:#}"
            ));
            BTreeMap::new()
        }
    };
    let report = Report {
        running: fs::read_to_string("/proc/sys/kernel/osrelease")
            .context("read(/proc/sys/kernel/osrelease)")?
            .trim()
            .to_owned(),
        kernels: lines(&cache, &offers)?,
    };
    match format {
        Format::Json => {
            let text = serde_json::to_string_pretty(&report).context("serialise(kernels)")?;
            println!("{text}");
        }
        Format::Table => print(&report),
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn remove(series: Series) -> Result<ExitCode> {
    let cache = Cache::of_this_account()?;
    let folder = store::folder(&cache, series);
    if !folder.exists() {
        bail!("the cache holds no Linux {series}; `cargo xtask kernels` lists what it holds");
    }
    let locked = cache.lock()?;
    let staging = locked.staging()?;
    // Renamed first, so that a boot that begins meanwhile finds all of it or nothing.
    fs::rename(&folder, staging.path().join("removed"))?;
    Ok(ExitCode::SUCCESS)
}

fn offers(cache: &Cache) -> Result<BTreeMap<Series, Offer>> {
    let locked = cache.lock()?;
    let lists = suites::lists(cache)?;
    drop(locked);
    offers::all(&lists)
}

fn lines(cache: &Cache, offers: &BTreeMap<Series, Offer>) -> Result<Vec<Entry>> {
    let matrix = lock::matrix()?;
    let mut all: Vec<Series> = offers.keys().copied().collect();
    all.extend(store::all_cached(cache));
    all.extend(&matrix);
    all.sort_unstable();
    all.dedup();
    Ok(all
        .into_iter()
        .map(|series| Entry {
            series: series.to_string(),
            proven: matrix.contains(&series),
            cached: cached(cache, series),
            offered: offers.get(&series).map(|offer| offer.image.version.clone()),
        })
        .collect())
}

fn cached(cache: &Cache, series: Series) -> Option<Cached> {
    let stamp = store::cached(cache, series)?.stamp?;
    Some(Cached {
        version: stamp.version,
        package: stamp.package,
        sha256: stamp.sha256,
        bytes: bytes(&store::folder(cache, series)),
    })
}

fn bytes(path: &Path) -> u64 {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| bytes(&entry.path())).sum(),
        Err(_) => fs::symlink_metadata(path).map_or(0, |metadata| metadata.len()),
    }
}

fn print(report: &Report) {
    println!("running        {}", report.running);
    println!("\nseries         in the cache              MB  offered");
    for line in &report.kernels {
        let (version, size) = match &line.cached {
            Some(cached) => (
                cached.version.as_str(),
                (cached.bytes / 1_000_000).to_string(),
            ),
            None => ("-", "-".to_owned()),
        };
        let offered = line.offered.as_deref().unwrap_or("-");
        let mark = if line.proven { "  *" } else { "" };
        println!(
            "{:<14} {version:<22} {size:>5}  {offered}{mark}",
            line.series
        );
    }
    println!(
        "\n* all claims were seen to hold there (xtask/kernels.lock); --kernel all runs these"
    );
    println!("Run one: cargo xtask run lesson-3 --kernel 6.12");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_folder_is_that_of_its_files() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("below")).unwrap();
        fs::write(dir.path().join("a"), [0; 10]).unwrap();
        fs::write(dir.path().join("below/b"), [0; 5]).unwrap();
        assert_eq!(bytes(dir.path()), 15);
    }
}
