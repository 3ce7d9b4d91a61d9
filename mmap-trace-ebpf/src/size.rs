//! Byte counts as people write them, on the command lines of tracer and lessons and in `lesson.toml`:
//! `8M`, `8MiB` and `8388608` are the same.

use alloc::{format, string::String};

/// Reads a number of bytes, alone or with B, K, M, G, KiB, MiB or GiB.
///
/// Each step is 1,024, and small letters are as good as capitals, as in dd(1) and head(1).
pub fn parse(text: &str) -> Result<u64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, unit) = text.split_at(end.unwrap_or(text.len()));
    if digits.is_empty() {
        return Err(format!(
            "{text:?} is not a number of bytes; write 4096, 64K or 8MiB"
        ));
    }
    let shift = match unit.trim_start() {
        "" | "B" => 0,
        "K" | "k" | "KiB" => 10,
        "M" | "m" | "MiB" => 20,
        "G" | "g" | "GiB" => 30,
        "KB" | "kB" | "MB" | "GB" => {
            let step = unit.trim_start()[..1].to_ascii_uppercase();
            return Err(format!(
                "{unit} in {text:?} counts in steps of 1,000, which no page does; \
                 write {digits}{step} or {digits}{step}iB"
            ));
        }
        _ => {
            return Err(format!(
                "{unit:?} in {text:?} is not a unit of bytes; use K, M, G, KiB, MiB or GiB"
            ));
        }
    };
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(1 << shift))
        .ok_or_else(|| format!("{text} is more bytes than 64 bits can count"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_size_means_the_same() {
        for same in [
            "8M", "8m", "8MiB", "8192K", "8192k", "8192KiB", "8388608", "8 MiB",
        ] {
            assert_eq!(parse(same), Ok(8 << 20), "{same}");
        }
        assert_eq!(parse("2G"), parse("2GiB"));
    }

    #[test]
    fn decimal_units_are_refused_with_the_binary_ones() {
        let error = parse("64MB").unwrap_err();
        assert!(error.contains("write 64M or 64MiB"), "{error}");
    }

    #[test]
    fn text_that_is_not_a_size_is_refused() {
        for wrong in [
            "",
            "KiB",
            "64M iB",
            "+1",
            "-1",
            "1.5MiB",
            "7T",
            "18446744073709551615K",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
