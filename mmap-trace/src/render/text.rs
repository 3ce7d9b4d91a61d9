//! Escapes and wraps text for a terminal.

use textwrap::{
    core::{Word, break_words},
    wrap_algorithms::wrap_first_fit,
};
use unicode_width::UnicodeWidthStr as _;

/// The width of the terminal that output is made for.
pub const WIDTH: usize = 80;

/// Replaces everything that a terminal would not show as it is: control characters, line separators, and marks
/// that change the direction of text. Escaping twice changes nothing.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_printable(character) {
            safe.push(character);
        } else {
            safe.extend(character.escape_debug());
        }
    }
    safe
}

/// Whether a terminal shows a character as it is.
#[must_use]
pub fn is_printable(character: char) -> bool {
    // The standard library escapes unprintable characters, and these three for quoting.
    matches!(character, '\\' | '\'' | '"') || character.escape_debug().len() == 1
}

#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Breaks a text between words into lines, the first of at most `first` columns, the others of `rest`. A word
/// that is wider than the smaller of the two is broken, too.
#[must_use]
pub fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    fill(text.split_whitespace().map(spaced), first, rest)
}

/// Breaks a name that is wider than `limit` after hyphens, underscores, dots and spaces.
#[must_use]
pub fn wrap_name(name: &str, limit: usize) -> Vec<String> {
    let pieces = name.split_inclusive(['-', '_', '.', ' ']);
    fill(pieces.map(Word::from), limit, limit)
}

/// A word with the space that follows it, except at the end of a line.
fn spaced(word: &str) -> Word<'_> {
    Word {
        whitespace: " ",
        ..Word::from(word)
    }
}

fn fill<'a>(words: impl Iterator<Item = Word<'a>>, first: usize, rest: usize) -> Vec<String> {
    let words = break_words(words, first.min(rest));
    let lines = wrap_first_fit(&words, &[first as f64, rest as f64]);
    let join = |line: &[Word<'_>]| {
        let pieces = line.iter().flat_map(|word| [word.word, word.whitespace]);
        pieces.collect::<String>().trim_end().to_owned()
    };
    lines.into_iter().map(join).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_are_escaped() {
        let hostile = "a\x1b[2Jb\r\nc\u{9b}d\u{202e}e\u{7f}f\u{200b}g\u{2028}";
        let safe = escape(hostile);
        assert_eq!(
            safe,
            "a\\u{1b}[2Jb\\r\\nc\\u{9b}d\\u{202e}e\\u{7f}f\\u{200b}g\\u{2028}"
        );
        assert_eq!(escape(&safe), safe);
        assert_eq!(
            escape("it's a \"name\" \\ 缺页 é"),
            "it's a \"name\" \\ 缺页 é"
        );
    }

    #[test]
    fn lines_break_between_words_and_long_words_anywhere() {
        assert_eq!(wrap("one two three", 7, 5), ["one two", "three"]);
        assert_eq!(wrap("a bcdefghi j", 4, 3), ["a", "bcd", "efg", "hi", "j"]);
        assert_eq!(wrap("", 3, 3), [""]);
        assert_eq!(wrap("缺页缺页", 5, 5), ["缺页", "缺页"]);
    }

    #[test]
    fn names_break_after_hyphens() {
        assert_eq!(wrap_name("mmap-load-cold", 10), ["mmap-load-", "cold"]);
        assert_eq!(wrap_name("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap_name("copied to user", 9), ["copied to", "user"]);
    }
}
