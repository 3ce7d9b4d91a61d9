//! What a command says on standard error, beside its result.

use std::{
    fmt,
    io::{self, Write as _},
};

use crate::render::text::escape;

/// Writes each line. It quotes names and files, which may hold anything, so control characters are escaped. A
/// closed stream must not end the command or hide its exit code.
pub(super) fn say(text: impl fmt::Display) {
    for line in text.to_string().lines() {
        let _ = writeln!(io::stderr(), "{}", escape(line));
    }
}
