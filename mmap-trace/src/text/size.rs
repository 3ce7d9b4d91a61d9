//! Byte counts as people write them: `64MiB`.

const UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Reads a number, alone or with KiB, MiB or GiB behind it.
pub fn parse(text: &str) -> Result<u64, String> {
    let (digits, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))
        .unwrap_or((text, 1));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "{text:?} is no number, alone or with KiB, MiB or GiB"
        ));
    }
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| format!("{text} is more than 64 bits can count"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_or_have_a_binary_unit() {
        assert_eq!(parse("512"), Ok(512));
        assert_eq!(parse("64MiB"), Ok(64 << 20));
        for wrong in [
            "",
            "KiB",
            "64 MiB",
            "64MB",
            "+1",
            "-1",
            "1.5MiB",
            "18446744073709551615KiB",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
