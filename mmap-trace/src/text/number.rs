//! Numbers as people read them.

/// A number as people read it: `67,108,864`.
#[must_use]
pub fn thousands(number: impl Into<i128>) -> String {
    let digits = number.into().to_string();
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits.as_str()),
    };
    let mut text = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated_from_the_right() {
        let shown = [0, 7, 999, 1_000, -1_000, 67_108_864].map(thousands);
        assert_eq!(shown, ["0", "7", "999", "1,000", "-1,000", "67,108,864"]);
        assert_eq!(thousands(i128::MIN).len(), 1 + 39 + 12);
    }
}
