//! The half to the right of the Recording depends on nothing that knows a kernel.

use std::process::Command;

use super::sources::root;

/// Packages that only counting needs.
const KERNEL_SIDE: [&str; 5] = ["aya", "aya-log", "nix", "tokio", "libc"];

#[test]
fn the_library_without_counting_depends_on_nothing_of_the_kernel_side() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none"])
        .args(["--no-default-features", "--package", "mmap-trace"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(
        tree.starts_with("mmap-trace "),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let of_kernel: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|package| KERNEL_SIDE.contains(package))
        .collect();
    assert!(of_kernel.is_empty(), "{of_kernel:?}");
}
