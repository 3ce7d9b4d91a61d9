//! The directories of `PATH`.

use std::{
    env,
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// What `execvp(3)` searches where `PATH` is not set.
const DEFAULT: &str = "/usr/bin:/bin";

/// Every file that `program` may mean, in the order in which a shell looks for it.
/// A name with a slash means itself; an empty entry of `PATH` means the current directory.
#[must_use]
pub fn candidates(program: &OsStr) -> Vec<PathBuf> {
    if program.as_encoded_bytes().contains(&b'/') {
        return vec![PathBuf::from(program)];
    }
    let path = env::var_os("PATH").unwrap_or_else(|| DEFAULT.into());
    env::split_paths(&path)
        .map(|directory| match directory.as_os_str() {
            empty if empty.is_empty() => Path::new(".").join(program),
            _ => directory.join(program),
        })
        .collect()
}

/// The first candidate that is an executable file.
#[must_use]
pub fn find(program: impl AsRef<OsStr>) -> Option<PathBuf> {
    let is_executable = |path: &PathBuf| {
        let metadata = fs::metadata(path);
        metadata.is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    candidates(program.as_ref()).into_iter().find(is_executable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_found_and_an_unknown_program_is_not() {
        assert!(find("sh").is_some_and(|shell| shell.is_absolute()));
        assert_eq!(find("no-such-program-here"), None);
    }

    #[test]
    fn a_name_with_a_slash_is_not_searched_for() {
        assert_eq!(candidates(OsStr::new("./sh")), [PathBuf::from("./sh")]);
        assert_eq!(candidates(OsStr::new("/bin/sh")).len(), 1);
        assert!(candidates(OsStr::new("sh")).len() > 1);
    }
}
