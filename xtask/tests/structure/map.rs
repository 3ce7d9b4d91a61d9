//! README.md's map of the code lists every folder that has code, and no other.

use std::{collections::BTreeSet, path::Path};

use super::sources::{PACKAGES, files_of, root, text};

/// The folders in the first column of the map.
fn listed() -> BTreeSet<String> {
    text(Path::new("README.md"))
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("/` |"))
        .flat_map(|(folders, _)| folders.split("/`, `"))
        .map(str::to_owned)
        .collect()
}

/// All folders of lessons share one entry of the map.
fn entry_of(folder: &Path) -> String {
    let folder = folder.to_string_lossy();
    let lesson = folder.strip_prefix("lessons/");
    match lesson.and_then(|lesson| lesson.chars().next()) {
        Some(first) if first.is_ascii_digit() => "lessons/NN-name".to_owned(),
        _ => folder.into_owned(),
    }
}

#[test]
fn the_map_lists_every_folder_with_code_and_no_other() {
    let listed = listed();
    let all = PACKAGES.iter().flat_map(|package| files_of(package));
    let folders: BTreeSet<String> = all
        .filter_map(|file| Some(entry_of(file.parent()?)))
        .collect();
    let missing: Vec<_> = folders.difference(&listed).collect();
    assert!(missing.is_empty(), "README.md's map lacks {missing:?}");
    let gone: Vec<_> = listed
        .iter()
        .filter(|folder| *folder != "lessons/NN-name" && !root().join(folder).is_dir())
        .collect();
    assert!(
        gone.is_empty(),
        "README.md's map has folders that do not exist: {gone:?}"
    );
}
