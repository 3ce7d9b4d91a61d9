//! The Rust files of the repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The longest file that still has one subject.
const MOST_LINES: usize = 400;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The packages of the workspace.
pub(crate) const PACKAGES: [&str; 4] = ["mmap-trace-ebpf", "mmap-trace", "lessons", "xtask"];

/// Every Rust file of a package, relative to the root of the repository.
pub(crate) fn files_of(package: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(&root().join(package), &mut files);
    files.sort();
    files
        .iter()
        .map(|file| file.strip_prefix(root()).unwrap().to_owned())
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The text of a file.
pub(crate) fn text(file: &Path) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

#[test]
fn no_file_is_longer_than_one_subject_needs() {
    let all = PACKAGES.iter().flat_map(|package| files_of(package));
    let long: Vec<_> = all
        .map(|file| (text(&file).lines().count(), file))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .collect();
    assert!(long.is_empty(), "split these by subject: {long:?}");
}
