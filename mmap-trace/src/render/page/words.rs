//! Sentences of `lesson.toml`, in which backticks enclose code.

use std::fmt;

use askama::filters::{Html, HtmlSafe, escape};

/// A sentence with its code.
pub(super) struct Words<'a>(&'a str);

impl HtmlSafe for Words<'_> {}

pub(super) fn words(text: &str) -> Words<'_> {
    Words(text)
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_paired = self.0.matches('`').count().is_multiple_of(2);
        if !is_paired {
            return write_escaped(out, self.0);
        }
        for (number, piece) in self.0.split('`').enumerate() {
            let is_code = number % 2 == 1;
            out.write_str(if is_code { "<code>" } else { "" })?;
            write_escaped(out, piece)?;
            out.write_str(if is_code { "</code>" } else { "" })?;
        }
        Ok(())
    }
}

fn write_escaped(out: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let escaped = escape(text, Html).map_err(|_| fmt::Error)?;
    write!(out, "{escaped}")
}
