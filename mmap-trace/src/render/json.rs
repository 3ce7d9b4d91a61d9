//! Writes JSON for programs; `record` describes the format of a Recording.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use serde::Serialize;

use super::text::is_printable;

/// Writes a value as JSON, with a newline at the end.
pub fn render(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value).context("cannot write the result as JSON")?;
    let mut safe = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        // Unprintable characters only occur in strings, where JSON can escape them: the value is the same,
        // and the file is harmless in a terminal.
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
    fn a_recording_that_is_written_and_read_is_the_same() {
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
