//! A claim: its sentence, its verdict, and what it rests on.

use askama::{Template, filters::HtmlSafe};

use super::evidence::Evidence;
use crate::record::{Basis, ClaimRecord, Verdict};

/// A claim, wherever it stands on the page.
#[derive(Debug)]
pub(super) struct ClaimView {
    pub(super) anchor: String,
    pub(super) class: &'static str,
    pub(super) text: String,
    pub(super) is_open: bool,
    pub(super) evidence: Evidence,
    kind: Mark,
}

/// How a verdict is marked. The sign and the word say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Holds,
    Fails,
    Unobservable,
    BySource,
}

impl Mark {
    pub(super) fn of(claim: &ClaimRecord) -> Mark {
        match (claim.verdict, claim.basis) {
            (Verdict::Holds, _) => Mark::Holds,
            (Verdict::Fails, _) => Mark::Fails,
            (Verdict::Unobservable, Basis::Source) => Mark::BySource,
            (Verdict::Unobservable, _) => Mark::Unobservable,
        }
    }

    /// The sign, the word, and whether the word is shown beside the sign.
    const fn parts(self) -> (&'static str, &'static str, bool) {
        match self {
            Mark::Holds => ("✓", "holds", false),
            Mark::Fails => ("✗", "fails", true),
            Mark::Unobservable => ("–", "unobservable", true),
            Mark::BySource => ("§", "by source", false),
        }
    }

    pub(super) const fn class(self) -> &'static str {
        match self {
            Mark::Holds => "holds",
            Mark::Fails => "fails",
            Mark::Unobservable => "unobservable",
            Mark::BySource => "source",
        }
    }
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<span class="mark"><span aria-hidden="true">{{ sign }}</span> <span class="{% if is_shown %}word{% else %}unseen{% endif %}">{{ word }}</span></span> "#
)]
pub(super) struct MarkView {
    sign: &'static str,
    word: &'static str,
    is_shown: bool,
}

impl HtmlSafe for MarkView {}

impl ClaimView {
    pub(super) fn of(place: usize, claim: &ClaimRecord) -> ClaimView {
        let kind = Mark::of(claim);
        ClaimView {
            anchor: format!("claim-{}", place + 1),
            class: kind.class(),
            text: claim.text.clone(),
            is_open: matches!(kind, Mark::Fails | Mark::Unobservable),
            evidence: Evidence::of(claim),
            kind,
        }
    }

    pub(super) fn mark(&self) -> MarkView {
        let (sign, word, is_shown) = self.kind.parts();
        MarkView {
            sign,
            word,
            is_shown,
        }
    }

    pub(super) fn is(&self, kind: Mark) -> bool {
        self.kind == kind
    }
}
