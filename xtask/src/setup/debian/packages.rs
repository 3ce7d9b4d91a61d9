//! Which packages bring a rustc with `core` for BPF. apt resolves them, so versions in names
//! (`libstd-rust-1.96`, `libllvm22`) come from the lists.

use anyhow::Result;

use super::family::{FAMILIES, Family};
use crate::{
    apt::{Installed, Lists, Package, Selection, Unfit},
    problem::Problem,
    setup::linker,
};

/// The compiler, the libraries of the same release, and the other libraries that this machine lacks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compiler;

impl Selection for Compiler {
    fn resolve(&self, lists: &Lists) -> Result<Result<Vec<Package>, Unfit>> {
        let mut why = Vec::new();
        for family in FAMILIES {
            match of_family(family, lists)? {
                Ok(packages) => {
                    linker::supports(llvm(&packages))?;
                    return Ok(Ok(packages));
                }
                Err(reason) => why.push(reason),
            }
        }
        Ok(Err(why.join("; ")))
    }

    fn not_offered(&self, why: Unfit) -> Problem {
        Problem {
            what: "the distribution offers no rustc with `core` for BPF".to_owned(),
            now: why,
            why: "the counting programs run in the kernel and are built for BPF".to_owned(),
            commands: linker::rustup_commands(),
        }
    }
}

fn of_family(family: &Family, lists: &Lists) -> Result<Result<Vec<Package>, Unfit>> {
    let all = match lists.simulate(&family.names(), Installed::Nothing)? {
        Ok(all) => all,
        Err(why) => return Ok(Err(why)),
    };
    if let Err(why) = family.is_new_enough(&all) {
        return Ok(Err(why));
    }
    // Always downloaded, even if they are installed: all of them must match. Anything else is taken from
    // the machine where it is installed.
    let own: Vec<String> = names(&all)
        .filter(|name| family.names().iter().any(|it| it == name) || is_own_library(name))
        .map(str::to_owned)
        .collect();
    let packages = match lists.simulate(&own, Installed::Machine)? {
        Ok(packages) => packages,
        Err(why) => return Ok(Err(why)),
    };
    if let Some(missing) = own
        .iter()
        .find(|own| !names(&packages).any(|it| it == *own))
    {
        return Ok(Err(format!("{missing} cannot be downloaded")));
    }
    // Programs such as gcc are looked for on PATH, and not downloaded.
    let is_needed = |name: &String| name.starts_with("lib") || own.contains(name);
    Ok(Ok(packages
        .into_iter()
        .filter(|package| is_needed(&package.name))
        .collect()))
}

fn names(packages: &[Package]) -> impl Iterator<Item = &str> {
    packages.iter().map(|package| package.name.as_str())
}

fn is_own_library(name: &str) -> bool {
    name.starts_with("libstd-rust") || llvm_of(name).is_some()
}

/// `libllvm22` → 22.
fn llvm_of(name: &str) -> Option<u32> {
    name.strip_prefix("libllvm")?.parse().ok()
}

/// The major version of the LLVM that rustc uses; 0, which no linker supports, if there is none.
pub(super) fn llvm(packages: &[Package]) -> u32 {
    names(packages).find_map(llvm_of).unwrap_or(0)
}

/// `rustc-web 1.96.0, LLVM 22, bpf-linker 0.13.0`.
pub(super) fn summary(packages: &[Package]) -> String {
    let rustc = packages.iter().find(|it| it.name.starts_with("rustc"));
    let rustc = rustc.map_or_else(String::new, |it| format!("{} {}", it.name, it.version));
    let (llvm, linker) = (llvm(packages), linker::VERSION);
    format!("{rustc}, LLVM {llvm}, bpf-linker {linker}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_llvm_of_rustc_is_read_from_the_name_of_its_package() {
        let package = |name: &str, version: &str| Package {
            name: name.to_owned(),
            version: version.to_owned(),
        };
        let packages = [
            package("rustc-web", "1.96.0+dfsg1-1"),
            package("libllvm22", "1:22.1.8-1"),
        ];
        let expected = format!(
            "rustc-web 1.96.0+dfsg1-1, LLVM 22, bpf-linker {}",
            linker::VERSION
        );
        assert_eq!(summary(&packages), expected);
        assert_eq!(llvm(&packages[..1]), 0);
        assert!(is_own_library("libstd-rust-web-1.96") && !is_own_library("libllvm22-tools"));
    }
}
