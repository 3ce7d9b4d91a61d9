//! A text as sections, blocks and inlines, for any renderer.

/// A part of the text that begins with a heading.
#[derive(Debug, Default)]
pub(super) struct Passage {
    pub(super) heading: Vec<Inline>,
    pub(super) level: usize,
    pub(super) blocks: Vec<TextBlock>,
}

/// A paragraph, or something that stands between paragraphs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextBlock {
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// Code or a drawing, as it is.
    Code(String),
    /// A list; the number of its first item if they are numbered.
    List(Option<u64>, Vec<Item>),
    /// A table: its heading, then its rows.
    Table(TableRow, Vec<TableRow>),
    /// A quotation.
    Quote(Vec<TextBlock>),
    /// A line across.
    Rule,
}

/// The blocks of one item of a list.
pub type Item = Vec<TextBlock>;
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

/// What is marked in these blocks.
pub(super) fn quoted(blocks: &[TextBlock]) -> Vec<Quoted> {
    let mut found = Vec::new();
    of_blocks(blocks, &mut found);
    found
}

fn of_blocks(blocks: &[TextBlock], found: &mut Vec<Quoted>) {
    for block in blocks {
        match block {
            TextBlock::Paragraph(inlines) => of_inlines(inlines, found),
            TextBlock::List(_, items) => items.iter().for_each(|item| of_blocks(item, found)),
            TextBlock::Quote(inner) => of_blocks(inner, found),
            TextBlock::Table(head, rows) => {
                let cells = std::iter::once(head).chain(rows).flatten();
                cells.for_each(|cell| of_inlines(cell, found));
            }
            TextBlock::Code(_) | TextBlock::Rule => {}
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
