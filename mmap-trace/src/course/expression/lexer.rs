//! From the text of an expectation to its words.

use super::tree::ExpressionError;
use crate::text::size;

/// One word and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// First byte.
    pub(super) start: usize,
    /// One behind the last byte.
    pub(super) end: usize,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number(i128),
    Name(String),
    Symbol(&'static str),
}

/// Two-character symbols come first.
const SYMBOLS: [&str; 13] = [
    "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "(", ")", ",",
];

/// Splits `text` into words.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, length) = token(text, at)?;
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

fn token(text: &str, at: usize) -> Result<(Kind, usize), ExpressionError> {
    let rest = &text[at..];
    let fail = |problem: String| ExpressionError::new(text, at, problem);
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        let word = take(rest, |c| c.is_ascii_alphanumeric());
        let number = size::parse(word).map_err(fail)?;
        return Ok((Kind::Number(number.into()), word.len()));
    }
    if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
        let word = take(rest, |c| c.is_ascii_alphanumeric() || "_-.:".contains(c));
        return Ok((Kind::Name(word.to_owned()), word.len()));
    }
    let symbol = SYMBOLS
        .into_iter()
        .find(|symbol| rest.starts_with(symbol))
        .ok_or_else(|| {
            fail(format!(
                "unexpected {:?}",
                rest.chars().next().unwrap_or(' ')
            ))
        })?;
    // Names contain hyphens, so a minus is told from one by the spaces around it.
    let is_between_spaces =
        text[..at].ends_with(char::is_whitespace) && rest[1..].starts_with(char::is_whitespace);
    if symbol == "-" && !is_between_spaces {
        return Err(fail("a minus needs a space on both sides".to_owned()));
    }
    Ok((Kind::Symbol(symbol), symbol.len()))
}

fn take(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokens(text)
            .unwrap()
            .into_iter()
            .map(|token| token.kind)
            .collect()
    }

    #[test]
    fn a_hyphen_belongs_to_a_name_and_a_minus_stands_between_spaces() {
        let name = |text: &str| Kind::Name(text.to_owned());
        assert_eq!(kinds("read-4k:faults"), [name("read-4k:faults")]);
        assert_eq!(
            kinds("rounds - 4KiB<=1"),
            [
                name("rounds"),
                Kind::Symbol("-"),
                Kind::Number(4096),
                Kind::Symbol("<="),
                Kind::Number(1)
            ]
        );
        assert!(tokens("rounds -1").is_err());
        assert!(tokens("7-1").is_err());
    }

    #[test]
    fn unknown_signs_units_and_numbers_are_refused_with_their_place() {
        for (text, column) in [("faults = 3", 8), ("1 + 4KB", 5), ("1 + €", 5)] {
            let error = tokens(text).unwrap_err();
            assert_eq!(error.column, column, "{error}");
        }
        assert!(tokens("99999999999999999999").is_err());
    }
}
