//! The text of a lesson: blocks and inlines, with claims and answers in their places.

use askama::{Template, filters::HtmlSafe};

use super::{claim::ClaimView, summary::AnswerView};
use crate::weave::{Inline, TextBlock};

/// What the text refers to.
#[derive(Debug)]
pub(super) struct Quotes {
    pub(super) claims: Vec<ClaimView>,
    pub(super) answers: Vec<AnswerView>,
}

#[derive(Template)]
#[template(path = "blocks.html")]
pub(super) struct Blocks<'a> {
    pub(super) blocks: &'a [TextBlock],
    pub(super) quotes: &'a Quotes,
}

#[derive(Template)]
#[template(path = "inlines.html")]
pub(super) struct Inlines<'a> {
    pub(super) inlines: &'a [Inline],
    pub(super) quotes: &'a Quotes,
}

impl HtmlSafe for Blocks<'_> {}
impl HtmlSafe for Inlines<'_> {}

impl<'a> Blocks<'a> {
    fn blocks(&self, blocks: &'a [TextBlock]) -> Blocks<'a> {
        Blocks { blocks, ..*self }
    }

    fn inlines(&self, inlines: &'a [Inline]) -> Inlines<'a> {
        Inlines {
            inlines,
            quotes: self.quotes,
        }
    }
}

impl<'a> Inlines<'a> {
    fn inner(&self, inlines: &'a [Inline]) -> Inlines<'a> {
        Inlines { inlines, ..*self }
    }

    fn claim(&self, place: usize) -> Option<&'a ClaimView> {
        self.quotes.claims.get(place)
    }

    fn answer(&self, place: usize) -> Option<&'a AnswerView> {
        self.quotes.answers.get(place)
    }
}

/// Whether something that folds stands in the paragraph: a `p` of HTML cannot hold it.
fn holds_quotes(inlines: &[Inline]) -> bool {
    inlines.iter().any(|inline| match inline {
        Inline::Claim(..) | Inline::Question(..) => true,
        Inline::Emphasis(inner) | Inline::Strong(inner) | Inline::Link(_, inner) => {
            holds_quotes(inner)
        }
        Inline::Text(_) | Inline::Code(_) | Inline::Break => false,
    })
}

/// Whether a page may lead there. A page lies anywhere, so a path relative to the lesson leads nowhere.
fn is_followed(target: &str) -> bool {
    ["https://", "http://", "#"]
        .iter()
        .any(|scheme| target.starts_with(scheme))
}

/// Code with tabs as spaces.
fn spaced(code: &str) -> String {
    code.replace('\t', "    ")
}
