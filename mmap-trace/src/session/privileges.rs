//! What counting in the kernel needs, checked before anything is made.

use anyhow::{Result, bail};
use nix::unistd::geteuid;

/// Fails without root, with the command that mends it.
pub fn require_root(subcommand: &str, rest: &str) -> Result<()> {
    let uid = geteuid();
    if uid.is_root() {
        return Ok(());
    }
    let binary =
        std::env::current_exe().map_or("mmap-trace".to_owned(), |path| path.display().to_string());
    bail!(
        "counting in the kernel needs root, and this runs as uid {uid}: loading eBPF programs is \
         refused to other accounts. Run: sudo {binary} {subcommand} {rest}\n\
         The lesson itself then runs as you, not as root"
    );
}
