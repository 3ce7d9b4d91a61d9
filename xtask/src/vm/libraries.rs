//! The shared libraries that programs need, found as the dynamic linker finds them: by the names in
//! each file's `DT_NEEDED`, in its `DT_RUNPATH` and then in the folders of the machine.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use fs_err as fs;
use object::{
    Endianness,
    elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH, PT_INTERP},
    read::elf::{Dyn as _, ElfFile64, FileHeader as _, ProgramHeader as _},
};

/// The dynamic linker's default folders on common distributions.
const FOLDERS: &[&str] = &[
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
];

#[derive(Debug, Default, Eq, PartialEq)]
struct Wants {
    interpreter: Option<PathBuf>,
    libraries: Vec<String>,
    folders: Vec<PathBuf>,
}

/// The interpreters and libraries that `programs` need at run time, at the paths where they were found.
pub(crate) fn needed_by(programs: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut next: Vec<PathBuf> = programs.to_vec();
    while let Some(path) = next.pop() {
        let wants = Wants::of(&path)?;
        let libraries = wants.libraries.iter().map(|name| {
            wants.find(name).with_context(|| {
                format!(
                    "{} needs {name}, which is in no library folder of this machine",
                    path.display()
                )
            })
        });
        let all: Vec<PathBuf> = libraries.collect::<Result<_>>()?;
        for needed in all.into_iter().chain(wants.interpreter) {
            if found.insert(needed.clone()) {
                next.push(needed);
            }
        }
    }
    Ok(found)
}

impl Wants {
    fn of(path: &Path) -> Result<Self> {
        let data = fs::read(path)?;
        if !data.starts_with(b"\x7fELF") {
            bail!(
                "{} is a script, and a VM has no interpreter for it",
                path.display()
            );
        }
        let origin = path.parent().unwrap_or(Path::new("/"));
        Self::parse(&data, origin).with_context(|| format!("parse({})", path.display()))
    }

    fn parse(data: &[u8], origin: &Path) -> Result<Self> {
        let file = ElfFile64::<Endianness>::parse(data)?;
        let endian = file.endian();
        let header = file.elf_header();
        let mut wants = Self::default();
        for segment in header.program_headers(endian, data)? {
            if segment.p_type(endian) == PT_INTERP
                && let Ok(text) = segment.data(endian, data)
            {
                let text = String::from_utf8_lossy(text);
                wants.interpreter = Some(PathBuf::from(text.trim_end_matches('\0')));
            }
        }
        let sections = header.sections(endian, data)?;
        let Some((entries, strings)) = sections.dynamic(endian, data)? else {
            return Ok(wants);
        };
        let strings = sections.strings(endian, data, strings)?;
        for entry in entries {
            let text = || {
                let offset = entry.d_val(endian).try_into().ok()?;
                Some(String::from_utf8_lossy(strings.get(offset).ok()?).into_owned())
            };
            match entry.d_tag(endian) {
                DT_NEEDED => wants.libraries.extend(text()),
                DT_RUNPATH | DT_RPATH => {
                    let folders = text().unwrap_or_default();
                    let folders = folders
                        .split(':')
                        .map(|folder| folder.replace("$ORIGIN", &origin.to_string_lossy()));
                    wants.folders.extend(folders.map(PathBuf::from));
                }
                _ => {}
            }
        }
        Ok(wants)
    }

    fn find(&self, name: &str) -> Option<PathBuf> {
        let own = self.folders.iter().map(PathBuf::as_path);
        own.chain(FOLDERS.iter().map(Path::new))
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_and_a_c_library_are_found_for_this_program() {
        let found = needed_by(&[std::env::current_exe().unwrap()]).unwrap();
        let has = |part: &str| {
            found
                .iter()
                .any(|path| path.to_string_lossy().contains(part))
        };
        assert!(has("libc.so") && has("ld-linux"), "{found:?}");
    }

    #[test]
    fn a_script_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "#!/bin/sh\n").unwrap();
        let error = needed_by(&[file.path().to_owned()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("is a script"), "{error}");
    }
}
