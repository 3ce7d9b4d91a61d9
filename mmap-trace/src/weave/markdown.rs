//! Reads a text in Markdown as sections, blocks and inlines, and marks the sentences that others refer to.
//!
//! HTML in the text is kept as the characters that it consists of.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag};

use super::{
    Quote,
    elements::{Element, Open, is_inline, is_inline_end},
    marks::{self, SentenceMark},
    text::{Inline, Passage, Quoted, TextBlock, plain},
};

/// Elements inside of more than these keep their words and lose their form.
const DEEPEST: usize = 32;

/// Reads the text, section by section, and marks what it quotes.
pub(super) fn read(text: &str, quotes: &[Quote<'_>]) -> Vec<Passage> {
    let events: Vec<(Event<'_>, Range<usize>)> = Parser::new_ext(text, Options::ENABLE_TABLES)
        .into_offset_iter()
        .collect();
    let mut reader = MarkdownReader::new(text, marks::find_all(text, &events, quotes));
    for (event, range) in events {
        reader.take(event, range);
    }
    reader.into_passages()
}

struct MarkdownReader<'a> {
    text: &'a str,
    /// The marks that are left, the next one last.
    marks: Vec<SentenceMark>,
    passages: Vec<Passage>,
    open: Vec<Open>,
    /// Where the last inline ended.
    at: usize,
}

impl<'a> MarkdownReader<'a> {
    fn new(text: &'a str, mut marks: Vec<SentenceMark>) -> Self {
        marks.reverse();
        MarkdownReader {
            text,
            marks,
            passages: Vec::new(),
            open: vec![Open::new(Element::Root)],
            at: 0,
        }
    }

    fn into_passages(mut self) -> Vec<Passage> {
        while self.open.len() > 1 {
            self.end();
        }
        self.keep_blocks();
        self.passages
    }

    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => {
                if is_inline(&tag) {
                    self.arrive(range.start);
                }
                self.begin(tag);
            }
            Event::End(tag) => {
                if is_inline_end(tag) {
                    self.at = range.end;
                }
                self.finish();
            }
            Event::Text(words) => self.words(&words, range),
            Event::Code(code) => self.inline(Inline::Code(code.into_string()), range),
            Event::Html(html) | Event::InlineHtml(html) => {
                self.inline(Inline::Text(html.into_string()), range);
            }
            Event::SoftBreak | Event::HardBreak => self.inline(Inline::Break, range),
            Event::Rule => self.last().blocks.push(TextBlock::Rule),
            // Extensions that are not enabled.
            _ => {}
        }
    }

    /// Adds words; a mark may begin or end among them.
    fn words(&mut self, words: &str, range: Range<usize>) {
        // Only words that stand so in the source can be divided.
        if self.text.get(range.clone()) != Some(words) {
            return self.inline(Inline::Text(words.to_owned()), range);
        }
        let mut at = range.start;
        while at < range.end {
            self.arrive(at);
            let begin = self.marks.last().map(|mark| mark.range.start);
            let end = self.open.last().and_then(|open| match &open.kind {
                Element::Marked(mark) => Some(mark.range.end),
                _ => None,
            });
            let next = [begin, end].into_iter().flatten().filter(|it| *it > at);
            let next = next.fold(range.end, usize::min);
            let piece = self.text.get(at..next).unwrap_or_default().to_owned();
            self.last().inlines.push(Inline::Text(piece));
            at = next;
            self.at = next;
        }
    }

    fn inline(&mut self, inline: Inline, range: Range<usize>) {
        self.arrive(range.start);
        self.last().inlines.push(inline);
        self.at = range.end;
    }

    /// Ends and begins marks before the inline that begins here.
    fn arrive(&mut self, at: usize) {
        if let Some(Open {
            kind: Element::Marked(mark),
            ..
        }) = self.open.last()
            && mark.range.end <= at
        {
            self.end();
        }
        while let Some(mark) = self.marks.pop_if(|mark| mark.range.start <= at) {
            let is_free = !self.open.iter().any(|it| {
                matches!(
                    it.kind,
                    Element::Marked(_) | Element::Heading(_) | Element::Code
                )
            });
            if mark.range.start == at && is_free {
                self.open.push(Open::new(Element::Marked(mark)));
            }
        }
    }

    fn begin(&mut self, tag: Tag<'_>) {
        let kind = match tag {
            _ if self.open.len() > DEEPEST => Element::Other,
            Tag::Heading { level, .. } if self.open.len() == 1 => {
                self.keep_blocks();
                Element::Heading(level as usize)
            }
            Tag::Paragraph => Element::Paragraph,
            Tag::CodeBlock(_) => Element::Code,
            Tag::List(first) => Element::List(first),
            Tag::Item => Element::Item,
            Tag::BlockQuote(_) => Element::Quote,
            Tag::Table(_) => Element::Table,
            Tag::TableHead | Tag::TableRow => Element::Row,
            Tag::TableCell => Element::Cell,
            Tag::Emphasis => Element::Emphasis,
            Tag::Strong => Element::Strong,
            Tag::Link { dest_url, .. } => Element::Link(dest_url.into_string()),
            _ => Element::Other,
        };
        if kind.is_block() {
            // Loose text, of an item for example, ends where a block begins.
            let last = self.last();
            if !last.inlines.is_empty() {
                let inlines = std::mem::take(&mut last.inlines);
                last.blocks.push(TextBlock::Paragraph(inlines));
            }
        }
        self.open.push(Open::new(kind));
    }

    /// Ends the innermost element, and before it a mark that was left open in it.
    fn finish(&mut self) {
        if matches!(
            self.open.last(),
            Some(Open {
                kind: Element::Marked(_),
                ..
            })
        ) {
            self.end();
        }
        self.end();
    }

    fn end(&mut self) {
        let Some(done) = self.open.pop() else { return };
        let at = self.at;
        let outer = self.last();
        match done.kind {
            Element::Root => {}
            Element::Heading(level) => self.passages.push(Passage {
                heading: done.inlines,
                level,
                blocks: Vec::new(),
            }),
            Element::Paragraph => outer.blocks.push(TextBlock::Paragraph(done.inlines)),
            Element::Code => outer.blocks.push(TextBlock::Code(plain(&done.inlines))),
            Element::List(first) => outer.blocks.push(TextBlock::List(first, done.items)),
            Element::Item => outer.items.push(done.into_blocks()),
            Element::Quote => outer.blocks.push(TextBlock::Quote(done.into_blocks())),
            Element::Table => {
                let mut rows = done.rows.into_iter();
                let head = rows.next().unwrap_or_default();
                outer.blocks.push(TextBlock::Table(head, rows.collect()));
            }
            Element::Row => outer.rows.push(done.cells),
            Element::Cell => outer.cells.push(done.inlines),
            Element::Emphasis => outer.inlines.push(Inline::Emphasis(done.inlines)),
            Element::Strong => outer.inlines.push(Inline::Strong(done.inlines)),
            Element::Link(target) => outer.inlines.push(Inline::Link(target, done.inlines)),
            Element::Marked(mark) if mark.range.end <= at => outer.inlines.push(match mark.what {
                Quoted::Claim(place) => Inline::Claim(place, done.inlines),
                Quoted::Question(place) => Inline::Question(place, done.inlines),
            }),
            // The sentence ends in another element than it began in.
            Element::Marked(_) | Element::Other => {
                outer.inlines.extend(done.inlines);
                outer.blocks.extend(done.blocks);
            }
        }
    }

    /// Moves finished blocks to the section that they belong to.
    fn keep_blocks(&mut self) {
        let root = std::mem::replace(self.last(), Open::new(Element::Root));
        let blocks = root.into_blocks();
        if self.passages.is_empty() && !blocks.is_empty() {
            self.passages.push(Passage::default());
        }
        if let Some(passage) = self.passages.last_mut() {
            passage.blocks.extend(blocks);
        }
    }

    /// The innermost open element; the root never closes.
    fn last(&mut self) -> &mut Open {
        if self.open.is_empty() {
            self.open.push(Open::new(Element::Root));
        }
        let last = self.open.len() - 1;
        &mut self.open[last]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Inline {
        Inline::Text(text.to_owned())
    }

    /// The blocks of a text with one claim.
    fn blocks(text: &str, sentence: &str) -> Vec<TextBlock> {
        let quote = Quote {
            what: Quoted::Claim(7),
            section: None,
            sentence,
        };
        let passages = read(text, &[quote]);
        passages.into_iter().flat_map(|it| it.blocks).collect()
    }

    #[test]
    fn a_sentence_is_marked_with_its_code_and_emphasis() {
        let blocks = blocks(
            "One. A `read` *copies* all. More.",
            "A `read` *copies* all.",
        );
        let claim = vec![
            words("A "),
            Inline::Code("read".to_owned()),
            words(" "),
            Inline::Emphasis(vec![words("copies")]),
            words(" all."),
        ];
        let paragraph = vec![words("One. "), Inline::Claim(7, claim), words(" More.")];
        assert_eq!(blocks, [TextBlock::Paragraph(paragraph)]);
    }

    #[test]
    fn a_sentence_that_begins_or_ends_inside_an_element_is_not_marked() {
        for (text, sentence) in [
            ("A *b c* d", "c* d"),
            ("A b `c d` e", "d` e"),
            ("```\nA b\n```\n", "A b"),
            ("# A b\n", "A b"),
        ] {
            let found = super::super::text::quoted(&blocks(text, sentence));
            assert_eq!(found, [], "{text}");
        }
        let plain = plain_text(&blocks("A *b c* d", "A *b"));
        assert_eq!(plain, "A b c d");
    }

    fn plain_text(blocks: &[TextBlock]) -> String {
        let text = |block: &TextBlock| match block {
            TextBlock::Paragraph(inlines) => plain(inlines),
            TextBlock::Code(code) => code.clone(),
            other => format!("{other:?}"),
        };
        blocks.iter().map(text).collect()
    }

    #[test]
    fn sentences_are_marked_in_lists_quotations_and_tables() {
        for text in [
            "- x\n- A b.\n",
            "- x\n\n  A\n  b.\n",
            "> A\n> b.\n",
            "| h |\n|---|\n| A b. |\n",
        ] {
            let found = super::super::text::quoted(&blocks(text, "A b."));
            let is_found = text.starts_with('>') == found.is_empty();
            assert!(is_found, "{text}: {found:?}");
        }
    }

    #[test]
    fn html_is_text() {
        let text = "<b>x</b>\n\n<script>alert(1)</script>\n";
        let all = plain_text(&blocks(text, "nothing"));
        assert_eq!(all, "<b>x</b><script>alert(1)</script>\n");
    }

    #[test]
    fn elements_inside_of_too_many_others_keep_their_words() {
        let deep = format!("{}end", "> ".repeat(5_000));
        let all = format!("{:?}", blocks(&deep, "nothing"));
        assert!(all.contains("end") && all.len() < 10_000, "{}", all.len());
    }

    #[test]
    fn a_list_keeps_its_numbers_and_inner_lists() {
        let [TextBlock::List(Some(3), items)] = &*blocks("3. a\n   - b\n4. c\n", "x") else {
            panic!("no numbered list");
        };
        assert!(matches!(
            &*items[0],
            [TextBlock::Paragraph(_), TextBlock::List(None, _)]
        ));
        assert_eq!(items.len(), 2);
    }
}
