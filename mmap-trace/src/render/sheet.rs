//! Collects text line by line: wraps it, colours it, and escapes control characters.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Effects};

use super::{
    Style,
    text::{WIDTH, escape, width, wrap},
};

/// The meaning of a text, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Good,
    Bad,
    Doubtful,
    Faint,
}

impl Tone {
    fn ansi(self) -> anstyle::Style {
        match self {
            Tone::Plain => anstyle::Style::new(),
            Tone::Strong => anstyle::Style::new().bold(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Doubtful => AnsiColor::Yellow.on_default(),
            Tone::Faint => anstyle::Style::new().effects(Effects::DIMMED),
        }
    }
}

#[derive(Debug)]
pub(super) struct Sheet {
    text: String,
    style: Style,
}

impl Sheet {
    pub(super) fn new(style: Style) -> Self {
        Sheet {
            text: String::new(),
            style,
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Adds an empty line, unless there is one already.
    pub(super) fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Adds a line without wrapping it.
    pub(super) fn line(&mut self, tone: Tone, text: &str) {
        self.push(tone, text.trim_end());
        self.text.push('\n');
    }

    /// Adds an indented text of any length.
    pub(super) fn paragraph(&mut self, tone: Tone, indent: usize, text: &str) {
        let room = WIDTH - indent;
        for line in wrap(&escape(text), room, room) {
            self.line(tone, &format!("{}{line}", " ".repeat(indent)));
        }
    }

    /// Adds a text of any length after a mark; its lines all begin in column `indent`.
    pub(super) fn marked(&mut self, tone: Tone, mark: &str, indent: usize, text: &str) {
        let room = WIDTH - indent;
        for (number, line) in wrap(&escape(text), room, room).iter().enumerate() {
            let mark = if number == 0 { mark } else { "" };
            self.push(tone, mark);
            let gap = " ".repeat(indent.saturating_sub(width(mark)));
            self.push(Tone::Plain, &format!("{gap}{line}"));
            self.text.push('\n');
        }
    }

    /// Adds a list after its heading; further lines are indented.
    pub(super) fn listed(&mut self, tone: Tone, heading: &str, list: &str) {
        let text = escape(&format!("{heading}: {list}"));
        for (number, line) in wrap(&text, WIDTH - 2, WIDTH - 4).iter().enumerate() {
            let indent = if number == 0 { "  " } else { "    " };
            self.line(tone, &format!("{indent}{line}"));
        }
    }

    fn push(&mut self, tone: Tone, text: &str) {
        let text = escape(text);
        if self.style == Style::Plain || tone == Tone::Plain || text.trim().is_empty() {
            self.text.push_str(&text);
        } else {
            let style = tone.ansi();
            // Writing into a String cannot fail.
            let _ = write!(self.text, "{style}{text}{style:#}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_adds_styles_and_changes_no_text() {
        let mut sheet = Sheet::new(Style::Colour);
        sheet.marked(Tone::Good, "+ holds", 10, "a sentence");
        assert_eq!(
            sheet.into_text(),
            "\u{1b}[32m+ holds\u{1b}[0m   a sentence\n"
        );
    }

    #[test]
    fn a_sheet_escapes_control_characters() {
        let mut sheet = Sheet::new(Style::Plain);
        sheet.line(Tone::Plain, "\x1b[31m");
        sheet.paragraph(Tone::Bad, 2, "\x07");
        sheet.marked(Tone::Bad, "\x08", 4, "\x0b");
        sheet.listed(Tone::Faint, "\x0c", "\u{85}");
        let text = sheet.into_text();
        assert!(
            text.chars().all(|c| c == '\n' || !c.is_control()),
            "{text:?}"
        );
    }
}
