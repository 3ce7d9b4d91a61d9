//! One word, one meaning: no type name occurs twice in a package.

use std::{collections::BTreeMap, path::PathBuf};

use syn::Item;

use super::sources::{PACKAGES, files_of, text};

fn type_name(item: &Item) -> Option<String> {
    Some(match item {
        Item::Struct(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        _ => return None,
    })
}

/// Every lesson is a program of its own, and so is each test: what counts is the library or program.
fn scope(package: &str, file: &std::path::Path) -> Option<String> {
    let folder = file.iter().nth(1)?.to_string_lossy().into_owned();
    (folder != "tests").then(|| format!("{package}/{folder}"))
}

#[test]
fn no_type_name_stands_twice() {
    let mut places: BTreeMap<(String, String), Vec<PathBuf>> = BTreeMap::new();
    for package in PACKAGES {
        for file in files_of(package) {
            let Some(scope) = scope(package, &file) else {
                continue;
            };
            let parsed = syn::parse_file(&text(&file)).unwrap();
            for name in parsed.items.iter().filter_map(type_name) {
                places
                    .entry((scope.clone(), name))
                    .or_default()
                    .push(file.clone());
            }
        }
    }
    let twice: Vec<_> = places.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:#?}");
}
