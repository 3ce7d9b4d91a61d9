//! Suggestions for misspelt names.

/// The known name that `asked` is most likely a misspelling of: at most a third of its letters differ.
#[must_use]
pub fn nearest<'a>(asked: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let bound = |name: &str| asked.chars().count().max(name.chars().count()).div_ceil(3);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(name, asked), name))
        .filter(|(distance, name)| *distance <= bound(name))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `; did you mean NAME?`, to append to a message; empty if no known name is near.
#[must_use]
pub fn did_you_mean<'a>(asked: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(asked, known).map_or(String::new(), |name| format!("; did you mean {name}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_gets_the_nearest_one() {
        let known = ["faults", "syscalls", "pages_written"];
        assert_eq!(nearest("falts", known), Some("faults"));
        assert_eq!(nearest("page_written", known), Some("pages_written"));
        assert_eq!(did_you_mean("sycalls", known), "; did you mean syscalls?");
    }

    #[test]
    fn a_name_that_resembles_nothing_gets_no_suggestion() {
        assert_eq!(nearest("elephant", ["faults", "syscalls"]), None);
        assert_eq!(nearest("x", []), None);
        assert_eq!(did_you_mean("elephant", ["faults"]), "");
    }
}
