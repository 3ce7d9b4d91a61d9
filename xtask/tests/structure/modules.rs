//! No two files depend on each other, directly or through others, except a module and its children.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use syn::{
    Attribute, Ident, ItemMod, ItemUse, Path as SynPath, UseTree,
    visit::{self, Visit},
};

use super::sources::{PACKAGES, files_of, text};

type Module = Vec<String>;

/// Modules of one crate, each with those it names.
type Graph = BTreeMap<Module, BTreeSet<Module>>;

/// Folders that hold a crate each: a library, a program, or a lesson.
fn crate_folders() -> BTreeMap<PathBuf, Vec<PathBuf>> {
    let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for file in PACKAGES.iter().flat_map(|package| files_of(package)) {
        let parts: Vec<_> = file.iter().collect();
        // PACKAGE/FOLDER/…; files of a test or a build script are crates of their own.
        let folder = Path::new(parts[0]).join(parts[1]);
        if parts.len() > 2 && parts[1] != "tests" && parts[1] != "build" {
            folders.entry(folder).or_default().push(file);
        }
    }
    folders
}

fn module_of(folder: &Path, file: &Path) -> Module {
    let inner = file.strip_prefix(folder).unwrap().with_extension("");
    let mut module: Module = inner
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if matches!(
        module.last().map(String::as_str),
        Some("mod" | "lib" | "main")
    ) {
        module.pop();
    }
    module
}

/// Collects the paths that a file names outside of its tests.
struct Paths {
    here: Module,
    found: Vec<Module>,
}

impl Paths {
    /// The path from the root of the crate; `None` if it begins with another crate or a plain name.
    fn absolute(&self, path: &[String]) -> Option<Module> {
        let mut base = self.here.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => return Some(path[1..].to_vec()),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            // A child, if there is one of that name.
            _ => {}
        }
        Some([base, rest.to_vec()].concat())
    }

    fn add(&mut self, path: &[String]) {
        let path = self.absolute(path);
        self.found.extend(path);
    }

    fn add_name(&mut self, before: &[String], name: &Ident) {
        self.add(&[before, &[name.to_string()]].concat());
    }

    fn add_tree(&mut self, tree: &UseTree, before: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.add_tree(&path.tree, before);
                before.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_tree(tree, before);
                }
            }
            UseTree::Name(name) => self.add_name(before, &name.ident),
            UseTree::Rename(name) => self.add_name(before, &name.ident),
            UseTree::Glob(_) => self.add(before),
        }
    }
}

fn is_of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        list.is_ok_and(|list| list.path.is_ident("cfg") && list.tokens.to_string() == "test")
    })
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_of_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_tree(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'ast SynPath) {
        let parts: Vec<String> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        if parts.len() > 1 {
            self.add(&parts);
        }
        visit::visit_path(self, path);
    }
}

fn is_family(one: &Module, other: &Module) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn graph(folder: &Path, files: &[PathBuf]) -> Graph {
    let modules: BTreeSet<Module> = files.iter().map(|file| module_of(folder, file)).collect();
    let mut graph = Graph::new();
    for file in files {
        let here = module_of(folder, file);
        let parsed = syn::parse_file(&text(file)).unwrap();
        let mut paths = Paths {
            here: here.clone(),
            found: Vec::new(),
        };
        paths.visit_file(&parsed);
        let named = paths.found.iter().filter_map(|path| {
            let prefixes = (1..=path.len()).rev().map(|length| path[..length].to_vec());
            prefixes.into_iter().find(|prefix| modules.contains(prefix))
        });
        let others = named.filter(|module| !is_family(module, &here));
        graph.entry(here.clone()).or_default().extend(others);
    }
    graph
}

/// What is left when everything without a way out, and everything without a way in, is taken away.
fn circles(mut graph: Graph) -> Graph {
    loop {
        let named: BTreeSet<Module> = graph.values().flatten().cloned().collect();
        let before = graph.len();
        graph.retain(|module, others| !others.is_empty() && named.contains(module));
        let left: BTreeSet<Module> = graph.keys().cloned().collect();
        for others in graph.values_mut() {
            others.retain(|other| left.contains(other));
        }
        if graph.len() == before {
            return graph;
        }
    }
}

#[test]
fn no_two_files_depend_on_each_other() {
    let mut found = Vec::new();
    for (folder, files) in crate_folders() {
        for (module, others) in circles(graph(&folder, &files)) {
            let others: Vec<String> = others.iter().map(|other| other.join("::")).collect();
            let line = format!(
                "{}: {} -> {}",
                folder.display(),
                module.join("::"),
                others.join(", ")
            );
            found.push(line);
        }
    }
    assert!(
        found.is_empty(),
        "these files run in a circle:\n{}",
        found.join("\n")
    );
}

#[test]
fn a_circle_through_three_files_is_found_and_what_leads_to_it_is_left_out() {
    let of = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry(vec![(*to).to_owned()]).or_default();
            let others = graph.entry(vec![(*from).to_owned()]).or_default();
            others.insert(vec![(*to).to_owned()]);
        }
        circles(graph).into_keys().flatten().collect::<Vec<_>>()
    };
    assert_eq!(
        of(&[("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"), ("c", "e")]),
        ["a", "b", "c"]
    );
    assert!(of(&[("a", "b"), ("b", "c"), ("a", "c")]).is_empty());
}
