//! Text that is safe in a terminal, and fits.

/// Columns of a terminal that every output is made for.
pub const WIDTH: usize = 80;

/// Replaces everything that a terminal would not show as it is: control characters, separators of
/// lines, marks that change the direction of text. Escaping twice changes nothing.
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
    // The standard library escapes what is no printable character, and these three for quoting.
    matches!(character, '\\' | '\'' | '"') || character.escape_debug().len() == 1
}

/// Columns that a text takes, at most: everything beyond the first scripts counts double.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars()
        .map(|character| if character < '\u{1100}' { 1 } else { 2 })
        .sum()
}

/// Breaks a text between words into lines of at most `first` and then `rest` columns. A word that
/// is longer than a line is broken too.
#[must_use]
pub fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let limit = if lines.len() == 1 { first } else { rest };
        let line = last(&mut lines);
        if !line.is_empty() && width(line) + 1 + width(word) <= limit {
            line.push(' ');
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(String::new());
        }
        for character in word.chars() {
            let limit = if lines.len() == 1 { first } else { rest };
            let line = last(&mut lines);
            if !line.is_empty() && width(line) + width(character.encode_utf8(&mut [0; 4])) > limit {
                lines.push(String::new());
            }
            last(&mut lines).push(character);
        }
    }
    lines
}

/// Breaks a name behind its hyphens, underscores, dots and spaces, where it is wider than `limit`.
#[must_use]
pub fn wrap_name(name: &str, limit: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in name.split_inclusive(['-', '_', '.', ' ']) {
        if width(last(&mut lines)) + width(piece.trim_end()) > limit && !lines[0].is_empty() {
            lines.push(String::new());
        }
        for character in piece.chars() {
            let line = last(&mut lines);
            if !line.is_empty() && character != ' ' && width(line) >= limit {
                lines.push(String::new());
            }
            last(&mut lines).push(character);
        }
    }
    lines
        .into_iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

fn last(lines: &mut Vec<String>) -> &mut String {
    if lines.is_empty() {
        lines.push(String::new());
    }
    let end = lines.len() - 1;
    &mut lines[end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_and_not_obeyed() {
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
        assert_eq!(wrap("a bcdefghi j", 3, 4), ["a", "bcde", "fghi", "j"]);
        assert_eq!(wrap("", 3, 3), [""]);
        assert_eq!(wrap("缺页缺页", 5, 5), ["缺页", "缺页"]);
    }

    #[test]
    fn names_break_behind_their_hyphens() {
        assert_eq!(wrap_name("mmap-load-cold", 10), ["mmap-load-", "cold"]);
        assert_eq!(wrap_name("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap_name("copied to user", 9), ["copied to", "user"]);
    }
}
