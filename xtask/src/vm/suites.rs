//! Package lists of Debian's suites, beside the machine's own, in a folder of the cache.
//!
//! They come from the mirrors that the machine's apt is configured for, and apt verifies each suite with
//! the machine's key ring for Debian.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, bail};
use fs_err as fs;

use crate::{
    apt::{Lists, first_error},
    cache::Cache,
    path,
    problem::{self, Cause, Problem},
    say,
    tool::Captured,
};

/// Lists that are younger than this are not updated.
const FRESH: Duration = Duration::from_hours(24);

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The suites of the main archive, and of the archive with security fixes.
const MAIN: &[&str] = &[
    "bookworm",
    "bookworm-updates",
    "trixie",
    "trixie-updates",
    "trixie-backports",
    "sid",
];
const SECURITY: &[&str] = &["bookworm-security", "trixie-security"];

/// The lists, updated if they are older than a day.
pub(crate) fn lists(cache: &Cache) -> Result<Lists> {
    let dir = cache.suites();
    let lists = Lists::Elsewhere(dir.clone());
    if is_fresh(&dir) {
        return Ok(lists);
    }
    require_debian()?;
    let sources = sources(&Lists::Machine.targets("$(REPO_URI) $(ORIGIN) $(RELEASE)")?);
    if sources.is_empty() {
        bail!(no_debian("apt is not configured for any archive of Debian"));
    }
    fs::create_dir_all(dir.join("state"))?;
    fs::write(dir.join("sources.list"), sources)?;
    let said = say::step(
        "read the package lists of Debian's suites into the cache",
        || lists.read(),
    )?;
    judge(&lists, &said)?;
    fs::write(mark(&dir), "")?;
    Ok(lists)
}

/// A mirror may lack a suite; no suite at all is an error.
fn judge(lists: &Lists, said: &Captured) -> Result<()> {
    if !lists.search("^linux-image-")?.is_empty() {
        return Ok(());
    }
    if said.cause() == Cause::Network {
        bail!(problem::no_network(
            "the package lists cannot be read",
            first_error(said)
        ));
    }
    bail!(
        "no suite could be read: {}\n{}",
        first_error(said),
        said.tail()
    )
}

fn mark(dir: &Path) -> PathBuf {
    dir.join("complete")
}

fn is_fresh(dir: &Path) -> bool {
    let age = fs::metadata(mark(dir))
        .and_then(|metadata| metadata.modified())
        .ok()
        .and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age < FRESH)
}

fn require_debian() -> Result<()> {
    for program in ["apt-get", "apt-cache", "dpkg"] {
        if path::find(program).is_none() {
            bail!(no_debian(&format!("there is no {program} on PATH")));
        }
    }
    if !Path::new(KEYRING).exists() {
        bail!(no_debian(&format!("there is no {KEYRING}")));
    }
    Ok(())
}

fn no_debian(now: &str) -> Problem {
    Problem {
        what: "this machine's apt offers none of Debian's kernels".to_owned(),
        now: now.to_owned(),
        why: "kernels come from packages that apt has verified".to_owned(),
        commands: vec![
            "cargo xtask run LESSON --kernel-image /boot/vmlinuz-$(uname -r)    # or any other \
             image"
                .to_owned(),
        ],
    }
}

/// A `sources.list` with all suites, made from lines `URI ORIGIN RELEASE` of the machine's own sources.
fn sources(targets: &str) -> String {
    let mut lines = BTreeSet::new();
    for target in targets.lines() {
        let words: Vec<&str> = target.split_whitespace().collect();
        let [uri, "Debian", release] = words[..] else {
            continue;
        };
        let suites = if release.ends_with("-security") {
            SECURITY
        } else {
            MAIN
        };
        for suite in suites {
            lines.insert(format!("deb [signed-by={KEYRING}] {uri} {suite} main\n"));
        }
    }
    lines.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_come_from_the_machines_mirrors_and_are_verified() {
        let text = sources(
            "http://mirror/debian/ Debian bookworm\nhttp://mirror/debian/ Debian bookworm-updates\n\
             http://mirror/sec/ Debian bookworm-security\nhttp://other/ Elsewhere stable\n",
        );
        assert_eq!(text.lines().count(), MAIN.len() + SECURITY.len());
        assert!(text.contains("http://mirror/debian/ trixie-backports main"));
        assert!(text.contains("http://mirror/sec/ trixie-security main"));
        assert!(!text.contains("other") && !text.contains("trusted"));
        assert!(text.lines().all(|line| line.contains("signed-by=")));
    }
}
