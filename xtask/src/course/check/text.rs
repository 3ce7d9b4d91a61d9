//! A text of the course, with the kind of each line.

use std::path::PathBuf;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LineKind {
    /// A fence, or a line between fences.
    Code,
    Row,
    Heading,
    Prose,
}

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) kind: LineKind,
    pub(super) text: String,
}

impl Line {
    /// `Explain` for `## Explain`.
    pub(super) fn heading(&self) -> Option<&str> {
        let text = self.text.trim_start_matches('#').trim();
        (self.kind == LineKind::Heading).then_some(text)
    }
}

/// A file in Markdown.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) path: PathBuf,
    pub(super) raw: String,
    pub(super) lines: Vec<Line>,
}

impl Text {
    pub(super) fn new(path: PathBuf, raw: &str) -> Self {
        let mut is_code = false;
        let mut lines = Vec::new();
        for (index, text) in raw.lines().enumerate() {
            let is_fence = text.trim_start().starts_with("```");
            let kind = match text {
                _ if is_code || is_fence => LineKind::Code,
                _ if text.starts_with('|') => LineKind::Row,
                _ if is_heading(text) => LineKind::Heading,
                _ => LineKind::Prose,
            };
            is_code ^= is_fence;
            lines.push(Line {
                number: index + 1,
                kind,
                text: text.to_owned(),
            });
        }
        let raw = raw.to_owned();
        Self { path, raw, lines }
    }

    pub(super) fn of_kind(&self, kind: LineKind) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.kind == kind)
    }

    /// The prose from this heading to the next one of any level; `None` without such a heading.
    pub(super) fn section(&self, heading: &str) -> Option<impl Iterator<Item = &Line>> {
        let mut lines = self.lines.iter();
        lines.find(|line| line.heading() == Some(heading))?;
        let section = lines.take_while(|line| line.kind != LineKind::Heading);
        Some(section.filter(|line| line.kind == LineKind::Prose))
    }
}

fn is_heading(line: &str) -> bool {
    let rest = line.trim_start_matches('#');
    rest.len() < line.len() && rest.starts_with(' ')
}

/// A line without the text between backticks and without the targets of links.
pub(super) fn without_code(line: &str) -> String {
    let outside = line.split('`').step_by(2);
    let mut plain = outside.collect::<Vec<_>>().join("``");
    while let Some(begin) = plain.find("](") {
        let Some(length) = plain[begin..].find(')') else {
            break;
        };
        plain.replace_range(begin..=begin + length, "]");
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# One\nfirst\n```\n# no heading\n```\n| row |\n## Two\nlast\n";

    #[test]
    fn lines_of_code_are_neither_prose_nor_headings() {
        let text = Text::new("x".into(), TEXT);
        let headings: Vec<_> = text.lines.iter().filter_map(Line::heading).collect();
        assert_eq!(headings, ["One", "Two"]);
        let prose: Vec<_> = text
            .of_kind(LineKind::Prose)
            .map(|line| line.number)
            .collect();
        assert_eq!(prose, [2, 8]);
    }

    #[test]
    fn a_section_ends_at_the_next_heading() {
        let text = Text::new("x".into(), TEXT);
        let section: Vec<_> = text.section("One").unwrap().map(|it| &*it.text).collect();
        assert_eq!(section, ["first"]);
        assert!(text.section("Three").is_none());
    }

    #[test]
    fn code_and_targets_of_links_are_removed() {
        let line = "a `b 1` c [mmap(2)](http://x/2) d [e](f.md).";
        assert_eq!(without_code(line), "a `` c [mmap(2)] d [e].");
    }
}
