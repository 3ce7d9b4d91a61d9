//! The Recording itself, for programs: its format is described in `record`.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use serde::Serialize;

use super::text::is_printable;

/// A Recording, several, or something made of them, as JSON with a newline at the end.
pub fn render(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value).context("a result as JSON")?;
    let mut safe = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        // Characters that are not printable can only stand inside strings, where JSON has an
        // escape for them: the same value, and harmless if somebody shows the file in a terminal.
        if is_printable(character) || character == '\n' {
            safe.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        }
    }
    safe.push('\n');
    Ok(safe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::samples;
    use crate::record::Recording;

    #[test]
    fn what_was_written_is_read_back_the_same() {
        for text in samples::RECORDINGS {
            let read: Recording = serde_json::from_str(text).unwrap();
            let written = render(&read).unwrap();
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(value(&written), value(text));
            assert!(written.ends_with("}\n"));
        }
    }

    #[test]
    fn strings_keep_their_value_without_control_characters() {
        let mut recording = samples::recording();
        let hostile = "a\x1b\u{9b}\u{202e}\u{7f}\u{e0001}é";
        recording.machine.user = hostile.to_owned();
        let written = render(&recording).unwrap();
        assert!(written.chars().all(|c| c == '\n' || is_printable(c)));
        assert!(written.contains("a\\u001b\\u009b\\u202e\\u007f\\udb40\\udc01é"));
        let read: Recording = serde_json::from_str(&written).unwrap();
        assert_eq!(read.machine.user, hostile);
    }
}
