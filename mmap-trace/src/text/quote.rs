//! Words of a command line as a shell reads them back.

use std::borrow::Cow;

/// `word`, in single quotes if a POSIX shell would change or split it otherwise.
#[must_use]
pub fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%~".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn only_words_that_a_shell_would_change_are_quoted() {
        for (word, expected) in [
            ("--size=8M", "--size=8M"),
            ("b c", "'b c'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
