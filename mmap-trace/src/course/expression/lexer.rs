//! Splits an expression into tokens.
//!
//! A hyphen is a minus, except in two places: left of the colon in a scenario's name
//! (`mmap-load:faults`), and after the second dot of an observation (`observed.errno.offset-1`).
//! To mean a minus there, put spaces around it.

use super::error::ExpressionError;
use crate::text::size;

/// A token and where it is in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// Its first byte.
    pub(super) start: usize,
    /// The byte after its last one.
    pub(super) end: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A number that takes the unit of what it is added to or compared with.
    Number(i128),
    /// A number with a unit of bytes: `4KiB`, `20B`.
    Size(i128),
    Name(String),
    Symbol(&'static str),
}

/// Two-character symbols come first.
const SYMBOLS: [&str; 13] = [
    "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "(", ")", ",",
];

/// Splits `text` into tokens.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, length) =
            token(&text[at..]).map_err(|problem| ExpressionError::new(text, at, problem))?;
        let end = at + length;
        tokens.push(Token {
            kind,
            start: at,
            end,
        });
        at = end;
    }
    Ok(tokens)
}

fn token(rest: &str) -> Result<(TokenKind, usize), String> {
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        let word = take(rest, |c| c.is_ascii_alphanumeric());
        let number = size::parse(word)?.into();
        let has_unit = word.ends_with(|c: char| c.is_ascii_alphabetic());
        let kind = if has_unit {
            TokenKind::Size(number)
        } else {
            TokenKind::Number(number)
        };
        return Ok((kind, word.len()));
    }
    if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
        let name = name(rest);
        return Ok((TokenKind::Name(name.to_owned()), name.len()));
    }
    SYMBOLS
        .into_iter()
        .find(|symbol| rest.starts_with(symbol))
        .map(|symbol| (TokenKind::Symbol(symbol), symbol.len()))
        .ok_or_else(|| format!("unexpected {:?}", rest.chars().next().unwrap_or(' ')))
}

/// The name at the beginning of `rest`, with the hyphens that belong to it.
fn name(rest: &str) -> &str {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let scenario = take(rest, |c| is_word(c) || c == '-');
    let has_scenario = rest[scenario.len()..].starts_with(':');
    let scenario = if has_scenario { scenario.len() + 1 } else { 0 };
    let plain = take(&rest[scenario..], |c| is_word(c) || c == '.');
    let mut words = plain.split('.');
    let has_by = words.next() == Some("observed") && words.nth(1).is_some_and(|by| !by.is_empty());
    let by = if has_by {
        take(&rest[scenario + plain.len()..], |c| is_word(c) || c == '-')
    } else {
        ""
    };
    &rest[..scenario + plain.len() + by.len()]
}

fn take(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens of `text`, with a space between.
    fn split(text: &str) -> String {
        let tokens = tokens(text).unwrap_or_else(|error| panic!("{error}"));
        let texts: Vec<&str> = tokens
            .iter()
            .map(|token| &text[token.start..token.end])
            .collect();
        texts.join(" ")
    }

    #[test]
    fn a_hyphen_belongs_to_a_scenario_or_to_one_of_several_values_and_else_is_a_minus() {
        for (text, expected) in [
            ("faults-1", "faults - 1"),
            ("work.bytes-4KiB", "work.bytes - 4KiB"),
            ("7-1", "7 - 1"),
            ("-5", "- 5"),
            ("read-4k:faults-1", "read-4k:faults - 1"),
            ("faults - read-4k:faults", "faults - read-4k:faults"),
            ("1-read-4k:faults", "1 - read-4k:faults"),
            ("(rounds)-rounds", "( rounds ) - rounds"),
            ("observed.errno.offset-1", "observed.errno.offset-1"),
            ("observed.errno.offset-1 - 1", "observed.errno.offset-1 - 1"),
            ("observed.file_pages-1", "observed.file_pages - 1"),
            ("a-b:observed.frame.c-d+1", "a-b:observed.frame.c-d + 1"),
            ("faults.user-faults.kernel", "faults.user - faults.kernel"),
        ] {
            assert_eq!(split(text), expected);
        }
    }

    #[test]
    fn a_number_with_a_unit_is_a_size() {
        let kinds = tokens("4KiB 20B 20").unwrap().into_iter();
        let kinds: Vec<_> = kinds.map(|token| token.kind).collect();
        assert_eq!(
            kinds,
            [
                TokenKind::Size(4096),
                TokenKind::Size(20),
                TokenKind::Number(20)
            ]
        );
    }

    #[test]
    fn unknown_signs_units_and_numbers_are_refused_with_their_column() {
        for (text, column) in [("faults = 3", 8), ("1 + 4KB", 5), ("1 + €", 5)] {
            let error = tokens(text).unwrap_err();
            assert_eq!(error.column, column, "{error}");
        }
        assert!(tokens("99999999999999999999").is_err());
    }
}
