//! Reads a text in Markdown as sections, blocks and inlines, and marks the sentences that others refer to.
//!
//! HTML in the text is kept as the characters that it consists of.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::{Quote, sentences};

/// Elements inside of more than these keep their words and lose their form.
const DEEPEST: usize = 32;

/// A part of the text that begins with a heading.
#[derive(Debug, Default)]
pub(super) struct Passage {
    pub(super) heading: Vec<Inline>,
    pub(super) level: usize,
    pub(super) blocks: Vec<Block>,
}

/// A paragraph, or something that stands between paragraphs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// Code or a drawing, as it is.
    Code(String),
    /// A list; the number of its first item if they are numbered.
    List(Option<u64>, Vec<Item>),
    /// A table: its heading, then its rows.
    Table(TableRow, Vec<TableRow>),
    /// A quotation.
    Quote(Vec<Block>),
    /// A line across.
    Rule,
}

/// The blocks of one item of a list.
pub type Item = Vec<Block>;
/// The cells of one row of a table.
pub type TableRow = Vec<Vec<Inline>>;

/// A piece of a paragraph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inline {
    /// Words.
    Text(String),
    /// A piece of code.
    Code(String),
    /// Emphasised words.
    Emphasis(Vec<Inline>),
    /// Strongly emphasised words.
    Strong(Vec<Inline>),
    /// A link and its target, which may be anything.
    Link(String, Vec<Inline>),
    /// The end of a line in the source.
    Break,
    /// The sentence of a claim, by its place among the claims.
    Claim(usize, Vec<Inline>),
    /// The question of a prediction, by its place among the predictions.
    Question(usize, Vec<Inline>),
}

/// What a sentence of the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoted {
    Claim(usize),
    Question(usize),
}

/// The words of inlines, without their form.
pub(super) fn plain(inlines: &[Inline]) -> String {
    let piece = |inline: &Inline| match inline {
        Inline::Text(text) | Inline::Code(text) => text.clone(),
        Inline::Break => " ".to_owned(),
        Inline::Emphasis(inner)
        | Inline::Strong(inner)
        | Inline::Link(_, inner)
        | Inline::Claim(_, inner)
        | Inline::Question(_, inner) => plain(inner),
    };
    inlines.iter().map(piece).collect()
}

impl Passage {
    /// What is marked in it.
    pub(super) fn quoted(&self) -> Vec<Quoted> {
        let mut found = Vec::new();
        of_blocks(&self.blocks, &mut found);
        found
    }
}

fn of_blocks(blocks: &[Block], found: &mut Vec<Quoted>) {
    for block in blocks {
        match block {
            Block::Paragraph(inlines) => of_inlines(inlines, found),
            Block::List(_, items) => items.iter().for_each(|item| of_blocks(item, found)),
            Block::Quote(inner) => of_blocks(inner, found),
            Block::Table(head, rows) => {
                let cells = std::iter::once(head).chain(rows).flatten();
                cells.for_each(|cell| of_inlines(cell, found));
            }
            Block::Code(_) | Block::Rule => {}
        }
    }
}

fn of_inlines(inlines: &[Inline], found: &mut Vec<Quoted>) {
    for inline in inlines {
        match inline {
            Inline::Claim(place, inner) => {
                found.push(Quoted::Claim(*place));
                of_inlines(inner, found);
            }
            Inline::Question(place, inner) => {
                found.push(Quoted::Question(*place));
                of_inlines(inner, found);
            }
            Inline::Emphasis(inner) | Inline::Strong(inner) | Inline::Link(_, inner) => {
                of_inlines(inner, found);
            }
            Inline::Text(_) | Inline::Code(_) | Inline::Break => {}
        }
    }
}

/// Reads the text, section by section, and marks what it quotes.
pub(super) fn read(text: &str, quotes: &[Quote<'_>]) -> Vec<Passage> {
    let events: Vec<(Event<'_>, Range<usize>)> = Parser::new_ext(text, Options::ENABLE_TABLES)
        .into_offset_iter()
        .collect();
    let mut reader = Reader::new(text, marks(text, &events, quotes));
    for (event, range) in events {
        reader.take(event, range);
    }
    reader.into_passages()
}

/// A sentence of the text that begins and ends at these bytes.
struct Mark {
    range: Range<usize>,
    what: Quoted,
}

/// Where the quotes stand, in the order of the text and without overlaps.
fn marks(text: &str, events: &[(Event<'_>, Range<usize>)], quotes: &[Quote<'_>]) -> Vec<Mark> {
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
    let mut marks: Vec<Mark> = Vec::new();
    for quote in quotes {
        let Some(within) = quote.section.map_or(Some(0..text.len()), section) else {
            continue;
        };
        let here = text.get(within.clone()).unwrap_or_default();
        if let Some(found) = sentences::find(here, quote.sentence) {
            let range = within.start + found.start..within.start + found.end;
            let overlaps = |it: &Mark| it.range.start < range.end && range.start < it.range.end;
            if !marks.iter().any(overlaps) {
                marks.push(Mark {
                    range,
                    what: quote.what,
                });
            }
        }
    }
    marks.sort_by_key(|mark| mark.range.start);
    marks
}

/// An element that has begun and not ended.
struct Open {
    kind: Kind,
    /// Inlines that belong to it directly.
    inlines: Vec<Inline>,
    blocks: Vec<Block>,
    items: Vec<Item>,
    cells: TableRow,
    rows: Vec<TableRow>,
}

enum Kind {
    Root,
    Heading(usize),
    Paragraph,
    Code,
    List(Option<u64>),
    Item,
    Quote,
    Table,
    Row,
    Cell,
    Emphasis,
    Strong,
    Link(String),
    Marked(Mark),
    /// Anything whose content is shown without its form.
    Other,
}

impl Kind {
    fn is_block(&self) -> bool {
        use Kind::{Code, List, Paragraph, Quote, Table};
        matches!(self, Paragraph | Code | List(_) | Quote | Table)
    }
}

impl Open {
    fn new(kind: Kind) -> Self {
        Open {
            kind,
            inlines: Vec::new(),
            blocks: Vec::new(),
            items: Vec::new(),
            cells: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// The blocks, with inlines that are in no paragraph as the last one.
    fn into_blocks(mut self) -> Vec<Block> {
        if !self.inlines.is_empty() {
            self.blocks.push(Block::Paragraph(self.inlines));
        }
        self.blocks
    }
}

struct Reader<'a> {
    text: &'a str,
    /// The marks that are left, the next one last.
    marks: Vec<Mark>,
    passages: Vec<Passage>,
    open: Vec<Open>,
    /// Where the last inline ended.
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, mut marks: Vec<Mark>) -> Self {
        marks.reverse();
        Reader {
            text,
            marks,
            passages: Vec::new(),
            open: vec![Open::new(Kind::Root)],
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
            Event::Rule => self.last().blocks.push(Block::Rule),
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
                Kind::Marked(mark) => Some(mark.range.end),
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
            kind: Kind::Marked(mark),
            ..
        }) = self.open.last()
            && mark.range.end <= at
        {
            self.end();
        }
        while let Some(mark) = self.marks.pop_if(|mark| mark.range.start <= at) {
            let is_free = !self
                .open
                .iter()
                .any(|it| matches!(it.kind, Kind::Marked(_) | Kind::Heading(_) | Kind::Code));
            if mark.range.start == at && is_free {
                self.open.push(Open::new(Kind::Marked(mark)));
            }
        }
    }

    fn begin(&mut self, tag: Tag<'_>) {
        let kind = match tag {
            _ if self.open.len() > DEEPEST => Kind::Other,
            Tag::Heading { level, .. } if self.open.len() == 1 => {
                self.keep_blocks();
                Kind::Heading(level as usize)
            }
            Tag::Paragraph => Kind::Paragraph,
            Tag::CodeBlock(_) => Kind::Code,
            Tag::List(first) => Kind::List(first),
            Tag::Item => Kind::Item,
            Tag::BlockQuote(_) => Kind::Quote,
            Tag::Table(_) => Kind::Table,
            Tag::TableHead | Tag::TableRow => Kind::Row,
            Tag::TableCell => Kind::Cell,
            Tag::Emphasis => Kind::Emphasis,
            Tag::Strong => Kind::Strong,
            Tag::Link { dest_url, .. } => Kind::Link(dest_url.into_string()),
            _ => Kind::Other,
        };
        if kind.is_block() {
            // Loose text, of an item for example, ends where a block begins.
            let last = self.last();
            if !last.inlines.is_empty() {
                let inlines = std::mem::take(&mut last.inlines);
                last.blocks.push(Block::Paragraph(inlines));
            }
        }
        self.open.push(Open::new(kind));
    }

    /// Ends the innermost element, and before it a mark that was left open in it.
    fn finish(&mut self) {
        if matches!(
            self.open.last(),
            Some(Open {
                kind: Kind::Marked(_),
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
            Kind::Root => {}
            Kind::Heading(level) => self.passages.push(Passage {
                heading: done.inlines,
                level,
                blocks: Vec::new(),
            }),
            Kind::Paragraph => outer.blocks.push(Block::Paragraph(done.inlines)),
            Kind::Code => outer.blocks.push(Block::Code(plain(&done.inlines))),
            Kind::List(first) => outer.blocks.push(Block::List(first, done.items)),
            Kind::Item => outer.items.push(done.into_blocks()),
            Kind::Quote => outer.blocks.push(Block::Quote(done.into_blocks())),
            Kind::Table => {
                let mut rows = done.rows.into_iter();
                let head = rows.next().unwrap_or_default();
                outer.blocks.push(Block::Table(head, rows.collect()));
            }
            Kind::Row => outer.rows.push(done.cells),
            Kind::Cell => outer.cells.push(done.inlines),
            Kind::Emphasis => outer.inlines.push(Inline::Emphasis(done.inlines)),
            Kind::Strong => outer.inlines.push(Inline::Strong(done.inlines)),
            Kind::Link(target) => outer.inlines.push(Inline::Link(target, done.inlines)),
            Kind::Marked(mark) if mark.range.end <= at => outer.inlines.push(match mark.what {
                Quoted::Claim(place) => Inline::Claim(place, done.inlines),
                Quoted::Question(place) => Inline::Question(place, done.inlines),
            }),
            // The sentence ends in another element than it began in.
            Kind::Marked(_) | Kind::Other => {
                outer.inlines.extend(done.inlines);
                outer.blocks.extend(done.blocks);
            }
        }
    }

    /// Moves finished blocks to the section that they belong to.
    fn keep_blocks(&mut self) {
        let root = std::mem::replace(self.last(), Open::new(Kind::Root));
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
            self.open.push(Open::new(Kind::Root));
        }
        let last = self.open.len() - 1;
        &mut self.open[last]
    }
}

fn is_inline(tag: &Tag<'_>) -> bool {
    matches!(
        tag,
        Tag::Emphasis | Tag::Strong | Tag::Link { .. } | Tag::Image { .. }
    )
}

fn is_inline_end(tag: TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Emphasis | TagEnd::Strong | TagEnd::Link | TagEnd::Image
    )
}
