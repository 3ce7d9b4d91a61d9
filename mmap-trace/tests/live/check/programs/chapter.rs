//! Parses the chapter from the file that people read.

use anyhow::{Context as _, Result};

const FILE: &str = include_str!("../../../../../lessons/README.md");
const CHAPTER: &str = "\n## Real programs\n";
/// The words before a command that is traced.
pub(super) const TRACED: &str = "sudo target/release/mmap-trace exec -- ";

/// A section about one program, or about several of a kind.
pub(super) struct Section {
    /// Its sentences, one per line.
    pub(super) text: Vec<&'static str>,
    /// Its shell commands, one per line.
    pub(super) commands: Vec<&'static str>,
}

/// The text of the chapter.
fn chapter() -> Result<&'static str> {
    let (_, rest) = FILE
        .split_once(CHAPTER)
        .context("lessons/README.md has no chapter on real programs")?;
    Ok(rest.split("\n## ").next().unwrap_or(rest))
}

/// The commands before the first section, which prepare all of them.
pub(super) fn opening() -> Result<Vec<&'static str>> {
    let opening = chapter()?.split("\n### ").next().unwrap_or("");
    Ok(read(opening).commands)
}

pub(super) fn headings() -> Result<Vec<&'static str>> {
    let sections = chapter()?.split("\n### ").skip(1);
    Ok(sections
        .filter_map(|section| section.lines().next())
        .collect())
}

pub(super) fn section(heading: &str) -> Result<Section> {
    chapter()?
        .split("\n### ")
        .find(|section| section.lines().next() == Some(heading))
        .map(read)
        .with_context(|| format!("the chapter has no section {heading}"))
}

fn read(text: &'static str) -> Section {
    let (mut section, mut is_code) = (
        Section {
            text: Vec::new(),
            commands: Vec::new(),
        },
        false,
    );
    for line in text.lines().filter(|line| !line.is_empty()) {
        match (line, is_code) {
            ("```", _) => is_code = !is_code,
            (command, true) => section.commands.push(command),
            (sentence, false) => section.text.push(sentence),
        }
    }
    section
}
