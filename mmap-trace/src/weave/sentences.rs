//! Finds sentences in a text whose lines may be broken elsewhere.

use std::ops::Range;

/// Where `sentence` stands in `text`: each space of it may be any white space there.
pub(super) fn find(text: &str, sentence: &str) -> Option<Range<usize>> {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let first = words.first()?;
    text.match_indices(first)
        .find_map(|(begin, _)| Some(begin..end_of(text, begin, &words)?))
}

/// Where the words end that begin here, if they all follow each other.
fn end_of(text: &str, begin: usize, words: &[&str]) -> Option<usize> {
    let mut at = begin;
    for (number, word) in words.iter().enumerate() {
        let rest = text.get(at..)?;
        let gap = rest.len() - rest.trim_start().len();
        if number > 0 && gap == 0 {
            return None;
        }
        let rest = rest.trim_start().strip_prefix(word)?;
        at = text.len() - rest.len();
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_found_across_lines_and_not_inside_other_words() {
        let text = "One two.\n   A read\n   copies all.\nMore.";
        assert_eq!(find(text, "A read copies all."), Some(12..36));
        assert_eq!(find(text, "A read copies more."), None);
        assert_eq!(find("A readcopies", "A read copies"), None);
        assert_eq!(find("A A b", "A b"), Some(2..5));
        assert_eq!(find(text, " "), None);
    }
}
