//! Writes `OUT_DIR/lessons.rs`, the table of the lessons that are built into the library.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result, bail};

const LESSONS_DIR: &str = "../lessons";

/// Embeds the lessons, so that the tracer finds them in any directory.
pub(crate) fn embed(out_dir: &Path) -> Result<()> {
    println!("cargo::rerun-if-changed={LESSONS_DIR}");
    let mut folders = Vec::new();
    for entry in fs::read_dir(LESSONS_DIR).context("read_dir(../lessons)")? {
        let entry = entry.context("read_dir(../lessons)")?;
        let folder = entry.file_name().to_string_lossy().into_owned();
        let numbered = folder.starts_with(|first: char| first.is_ascii_digit());
        if numbered && entry.path().join("lesson.toml").is_file() {
            if !entry.path().join("README.md").is_file() {
                bail!(
                    "lessons/{folder} has a lesson.toml but no README.md: write the text of the lesson"
                );
            }
            folders.push(folder);
        }
    }
    folders.sort();
    let mut text = String::from("pub(crate) const EMBEDDED: &[EmbeddedLesson] = &[\n");
    for folder in &folders {
        let include = |file: &str| {
            format!(
                "include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{LESSONS_DIR}/{folder}/{file}\"))"
            )
        };
        let (toml, readme) = (include("lesson.toml"), include("README.md"));
        writeln!(
            text,
            "    EmbeddedLesson {{ folder: {folder:?}, toml: {toml}, text: {readme} }},"
        )?;
    }
    text.push_str("];\n");
    let path = out_dir.join("lessons.rs");
    fs::write(&path, text).with_context(|| format!("write({})", path.display()))
}
