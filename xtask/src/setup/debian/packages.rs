//! Which packages to download: a family, what it depends on by name, and the shared libraries that
//! this machine lacks. Versions in names (`libstd-rust-1.96`, `libllvm22`) come from the lists.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{
    family::{FAMILIES, Family},
    lists::Lists,
};
use crate::tool::Tool;

/// The part of a package's entry that matters here.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Control {
    /// Name.
    pub(crate) package: String,
    /// Version.
    pub(crate) version: String,
    /// Each a list of alternatives.
    pub(crate) depends: Vec<Vec<String>>,
    /// Of the download.
    pub(crate) bytes: u64,
    /// Its checksum, as the signed lists have it.
    pub(crate) sha256: String,
}

/// What to download.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Packages {
    /// Names.
    pub(crate) names: Vec<String>,
    /// Sum of the downloads.
    pub(crate) bytes: u64,
    /// The major version of rustc's LLVM.
    pub(crate) llvm: u32,
    rustc: String,
}

/// Why the lists do not do, for a person.
pub(crate) type Unfit = String;

impl Packages {
    /// Resolves against `lists`.
    pub(crate) fn resolve(lists: &Lists) -> Result<Result<Self, Unfit>> {
        resolve(|names| lists.show(names), installed)
    }

    /// In half a line.
    pub(crate) fn summary(&self) -> String {
        format!(
            "{}, LLVM {}, bpf-linker {}",
            self.rustc,
            self.llvm,
            super::linker::VERSION
        )
    }
}

/// Entries of the form `Field: value`, separated by empty lines.
pub(crate) fn parse(text: &str) -> Vec<Control> {
    let entry = |paragraph: &str| {
        let mut control = Control::default();
        for (field, value) in paragraph.lines().filter_map(|line| line.split_once(": ")) {
            match field {
                "Package" => value.clone_into(&mut control.package),
                "Version" => value.clone_into(&mut control.version),
                "Size" => control.bytes = value.parse().unwrap_or(0),
                "SHA256" => value.clone_into(&mut control.sha256),
                "Depends" => control.depends = depends(value),
                _ => {}
            }
        }
        (!control.package.is_empty()).then_some(control)
    };
    text.split("\n\n").filter_map(entry).collect()
}

/// `a (>= 1), b:any | c` → names only: all packages come from the same release.
fn depends(value: &str) -> Vec<Vec<String>> {
    let name = |one: &str| {
        one.trim()
            .split([' ', ':', '('])
            .next()
            .unwrap_or("")
            .to_owned()
    };
    value
        .split(',')
        .map(|alternatives| alternatives.split('|').map(name).collect())
        .collect()
}

fn resolve(
    mut show: impl FnMut(&[String]) -> Result<Vec<Control>>,
    installed: impl Fn(&[String]) -> Result<BTreeSet<String>>,
) -> Result<Result<Packages, Unfit>> {
    let asked: Vec<String> = FAMILIES
        .iter()
        .flat_map(Family::names)
        .map(str::to_owned)
        .collect();
    let candidates = show(&asked)?;
    let mut why = Vec::new();
    let family = FAMILIES
        .iter()
        .find(|family| match family.offered(&candidates) {
            Ok(()) => true,
            Err(reason) => {
                why.push(reason);
                false
            }
        });
    let Some(family) = family else {
        return Ok(Err(why.join("; ")));
    };
    let mut taken: Vec<Control> = Vec::new();
    let mut next: Vec<Control> = candidates
        .into_iter()
        .filter(|control| family.names().contains(&control.package.as_str()))
        .collect();
    // One question to apt for each level: it reads all lists each time.
    while !next.is_empty() {
        let wanted = wanted(&next, &taken, &installed)?;
        taken.append(&mut next);
        next = show(&wanted)?;
    }
    Ok(summed(&taken, family))
}

/// What `level` depends on and must be downloaded: rustc's own libraries always, so that they match;
/// other libraries when the machine lacks them. The C compiler is looked for elsewhere.
fn wanted(
    level: &[Control],
    taken: &[Control],
    installed: &impl Fn(&[String]) -> Result<BTreeSet<String>>,
) -> Result<Vec<String>> {
    let known: BTreeSet<&str> = taken
        .iter()
        .chain(level)
        .map(|control| control.package.as_str())
        .collect();
    let groups: Vec<&Vec<String>> = level
        .iter()
        .flat_map(|control| &control.depends)
        .filter(|group| {
            group
                .iter()
                .all(|name| name.starts_with("lib") && !known.contains(name.as_str()))
        })
        .collect();
    let asked: Vec<String> = groups.iter().flat_map(|group| (*group).clone()).collect();
    let here = if asked.is_empty() {
        BTreeSet::new()
    } else {
        installed(&asked)?
    };
    let missing = groups
        .iter()
        .filter(|group| {
            group
                .iter()
                .all(|name| is_rustcs_own(name) || !here.contains(name))
        })
        .filter_map(|group| group.first().cloned());
    Ok(missing.collect::<BTreeSet<_>>().into_iter().collect())
}

fn is_rustcs_own(name: &str) -> bool {
    name.starts_with("libstd-rust") || llvm_of(name).is_some()
}

/// `libllvm22` → 22.
fn llvm_of(name: &str) -> Option<u32> {
    name.strip_prefix("libllvm")?.parse().ok()
}

fn summed(taken: &[Control], family: &Family) -> Result<Packages, Unfit> {
    let Some(llvm) = taken.iter().find_map(|control| llvm_of(&control.package)) else {
        return Err(format!("{} names no libllvm", family.rustc));
    };
    let rustc = taken.iter().find(|control| control.package == family.rustc);
    Ok(Packages {
        names: taken
            .iter()
            .map(|control| control.package.clone())
            .collect(),
        bytes: taken.iter().map(|control| control.bytes).sum(),
        llvm,
        rustc: rustc.map_or_else(String::new, |rustc| {
            format!("{} {}", rustc.package, rustc.version)
        }),
    })
}

/// Which of `names` are installed.
fn installed(names: &[String]) -> Result<BTreeSet<String>> {
    // Fails when one name is unknown, and still shows the others.
    let said = Tool::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Abbrev}${Package}\\n"])
        .args(names)
        .capture()?;
    let lines = said
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("ii "));
    Ok(lines.map(str::to_owned).collect())
}

#[cfg(test)]
#[path = "packages_tests.rs"]
mod tests;
