//! Words that this project does not use.

use std::path::PathBuf;

use super::sources::{PACKAGES, files_of, root, text};

/// Each is written in two pieces, so that this file has none of them.
const WORDS: [(&str, &str); 3] = [("can", " not"), ("were", " won"), ("so", " many")];

fn texts() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = PACKAGES
        .iter()
        .flat_map(|package| files_of(package))
        .collect();
    files.extend(["README.md", "CHANGELOG.md"].map(PathBuf::from));
    for entry in std::fs::read_dir(root().join("lessons")).unwrap() {
        let path = entry.unwrap().path();
        let inner = ["README.md", "lesson.toml"].map(|name| path.join(name));
        let all = inner.into_iter().chain([path]);
        let plain = all.filter(|path| path.is_file());
        files.extend(plain.map(|path| path.strip_prefix(root()).unwrap().to_owned()));
    }
    files
}

/// Whether the line contains the word by itself, outside of a quotation.
fn has(line: &str, word: &str) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        let is_quoted = before.ends_with('"') && after.starts_with('"');
        !is_letter(before.chars().next_back()) && !is_letter(after.chars().next()) && !is_quoted
    })
}

#[test]
fn no_text_uses_words_that_were_replaced() {
    let mut found = Vec::new();
    for file in texts() {
        for (number, line) in text(&file).lines().enumerate() {
            for (first, second) in WORDS {
                if has(line, &format!("{first}{second}")) {
                    found.push(format!("{}:{}: {line}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
