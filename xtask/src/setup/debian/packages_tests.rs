//! Resolution against written lists.

use super::*;

const LISTS: &str = "\
Package: rustc-web
Version: 1.96.0+dfsg1-1~deb12u2
Depends: libc6 (>= 2.34), libstd-rust-web-dev (= 1.96.0+dfsg1-1~deb12u2), gcc, libc-dev, binutils
Size: 4

Package: libstd-rust-web-dev
Version: 1.96.0+dfsg1-1~deb12u2
Depends: libstd-rust-web-1.96 (= 1.96.0+dfsg1-1~deb12u2)
Size: 30

Package: libstd-rust-web-dev-bpf
Version: 1.96.0+dfsg1-1~deb12u2
Size: 20

Package: libstd-rust-web-1.96
Version: 1.96.0+dfsg1-1~deb12u2
Depends: libc6 (>= 2.34), libllvm22
Size: 100

Package: libllvm22
Version: 1:22.1.8-1
Depends: libc6, libxml2 (>= 2.7.4), libz3-4 | libz3-compat, zlib1g
Size: 1000

Package: libxml2
Version: 2.9
Depends: libicu72, liblzma5
Size: 10000

Package: libz3-4
Version: 4.8
Size: 100000

Package: libicu72
Version: 72
Size: 1000000
";

fn resolved(lists: &str, here: &[&str]) -> Result<Packages, Unfit> {
    let show = |names: &[String]| {
        let known = parse(lists);
        Ok(known
            .into_iter()
            .filter(|control| names.contains(&control.package))
            .collect())
    };
    let installed = |_: &[String]| Ok(here.iter().map(|name| (*name).to_owned()).collect());
    resolve(show, installed).unwrap()
}

#[test]
fn versioned_names_come_from_the_lists_and_rustcs_own_are_always_taken() {
    let here = [
        "libc6",
        "libllvm22",
        "libxml2",
        "libz3-4",
        "zlib1g",
        "libstd-rust-web-1.96",
    ];
    let packages = resolved(LISTS, &here).unwrap();
    let expected = [
        "rustc-web",
        "libstd-rust-web-dev",
        "libstd-rust-web-dev-bpf",
        "libstd-rust-web-1.96",
        "libllvm22",
    ];
    assert_eq!(packages.names, expected);
    assert_eq!((packages.llvm, packages.bytes), (22, 1154));
}

#[test]
fn libraries_the_machine_lacks_are_taken_with_what_they_need() {
    let packages = resolved(LISTS, &["libc6", "liblzma5"]).unwrap();
    for name in ["libxml2", "libz3-4", "libicu72"] {
        assert!(packages.names.iter().any(|taken| taken == name), "{name}");
    }
    assert!(
        !packages
            .names
            .iter()
            .any(|name| name == "gcc" || name == "liblzma5")
    );
}

#[test]
fn an_installed_alternative_is_enough() {
    let packages = resolved(LISTS, &["libc6", "libxml2", "libz3-compat"]).unwrap();
    assert!(!packages.names.iter().any(|name| name == "libz3-4"));
}

#[test]
fn empty_lists_say_which_packages_are_not_offered() {
    let why = resolved("", &[]).unwrap_err();
    assert_eq!(why, "rustc-web is not offered; rustc is not offered");
}

#[test]
fn alternatives_and_versions_are_taken_apart() {
    assert_eq!(depends("a (>= 1), b:any | c"), [vec!["a"], vec!["b", "c"]]);
}
