//! Looking for programs.

use std::{env, path::PathBuf};

use nix::unistd::{AccessFlags, access};

/// The first `program` on `PATH` that may be executed.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file() && access(candidate, AccessFlags::X_OK).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_found_and_nonsense_is_not() {
        assert!(find("sh").is_some_and(|shell| shell.is_absolute()));
        assert_eq!(find("no-such-program-here"), None);
    }
}
