//! Finds the sentences that others refer to in a text whose lines may be broken elsewhere.

use std::ops::Range;

use pulldown_cmark::{Event, Tag};

use super::{Quote, text::Quoted};

/// A sentence of the text that begins and ends at these bytes.
pub(super) struct SentenceMark {
    pub(super) range: Range<usize>,
    pub(super) what: Quoted,
}

/// Where the quotes stand, in the order of the text and without overlaps.
pub(super) fn find_all(
    text: &str,
    events: &[(Event<'_>, Range<usize>)],
    quotes: &[Quote<'_>],
) -> Vec<SentenceMark> {
    let headings: Vec<Range<usize>> = events
        .iter()
        .filter(|(event, _)| matches!(event, Event::Start(Tag::Heading { .. })))
        .map(|(_, range)| range.clone())
        .collect();
    let section = |name: &str| {
        let is_named = |range: &&Range<usize>| {
            let line = text.get((*range).clone()).unwrap_or_default();
            line.trim().trim_matches('#').trim() == name
        };
        let heading = headings.iter().find(is_named)?;
        let next = headings.iter().find(|it| it.start >= heading.end);
        Some(heading.end..next.map_or(text.len(), |next| next.start))
    };
    let mut marks: Vec<SentenceMark> = Vec::new();
    for quote in quotes {
        let Some(within) = quote.section.map_or(Some(0..text.len()), section) else {
            continue;
        };
        let here = text.get(within.clone()).unwrap_or_default();
        if let Some(found) = find(here, quote.sentence) {
            let range = within.start + found.start..within.start + found.end;
            let overlaps =
                |it: &SentenceMark| it.range.start < range.end && range.start < it.range.end;
            if !marks.iter().any(overlaps) {
                marks.push(SentenceMark {
                    range,
                    what: quote.what,
                });
            }
        }
    }
    marks.sort_by_key(|mark| mark.range.start);
    marks
}

/// Where `sentence` stands in `text`: each space of it may be any white space there.
fn find(text: &str, sentence: &str) -> Option<Range<usize>> {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let first = words.first()?;
    let is_start = |at: usize| !text[..at].ends_with(char::is_alphanumeric);
    text.match_indices(first)
        .filter(|(begin, _)| is_start(*begin))
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
        assert_eq!(find(text, "A read copies all."), Some(12..33));
        assert_eq!(find(text, "A read copies more."), None);
        assert_eq!(find("A readcopies", "A read copies"), None);
        assert_eq!(find("A A b", "A b"), Some(2..5));
        assert_eq!(find("DNA b. A b.", "A b."), Some(7..11));
        assert_eq!(find(text, " "), None);
    }
}
