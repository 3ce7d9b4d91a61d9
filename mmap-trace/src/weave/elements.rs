//! The elements of a text in Markdown while it is read.

use pulldown_cmark::{Tag, TagEnd};

use super::{
    marks::SentenceMark,
    text::{Inline, Item, TableRow, TextBlock},
};

/// An element that has begun and not ended.
pub(super) struct Open {
    pub(super) kind: Element,
    /// Inlines that belong to it directly.
    pub(super) inlines: Vec<Inline>,
    pub(super) blocks: Vec<TextBlock>,
    pub(super) items: Vec<Item>,
    pub(super) cells: TableRow,
    pub(super) rows: Vec<TableRow>,
}

pub(super) enum Element {
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
    Marked(SentenceMark),
    /// Anything whose content is shown without its form.
    Other,
}

impl Element {
    pub(super) fn is_block(&self) -> bool {
        use Element::{Code, List, Paragraph, Quote, Table};
        matches!(self, Paragraph | Code | List(_) | Quote | Table)
    }
}

impl Open {
    pub(super) fn new(kind: Element) -> Self {
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
    pub(super) fn into_blocks(mut self) -> Vec<TextBlock> {
        if !self.inlines.is_empty() {
            self.blocks.push(TextBlock::Paragraph(self.inlines));
        }
        self.blocks
    }
}

pub(super) fn is_inline(tag: &Tag<'_>) -> bool {
    matches!(
        tag,
        Tag::Emphasis | Tag::Strong | Tag::Link { .. } | Tag::Image { .. }
    )
}

pub(super) fn is_inline_end(tag: TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Emphasis | TagEnd::Strong | TagEnd::Link | TagEnd::Image
    )
}
