//! A claim: its sentence, its verdict, and what it rests on.

use askama::{Template, filters::HtmlSafe};

use super::evidence::EvidenceView;
use crate::record::{Basis, ClaimRecord, Verdict};

/// A claim, wherever it stands on the page.
#[derive(Debug)]
pub(super) struct ClaimView {
    pub(super) anchor: String,
    pub(super) class: &'static str,
    pub(super) text: String,
    pub(super) is_open: bool,
    pub(super) evidence: EvidenceView,
    kind: VerdictMark,
}

/// How a verdict is marked. The sign and the word say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VerdictMark {
    Holds,
    Fails,
    Unobservable,
    BySource,
}

impl VerdictMark {
    pub(super) fn of(claim: &ClaimRecord) -> VerdictMark {
        match (claim.verdict, claim.basis) {
            (Verdict::Holds, _) => VerdictMark::Holds,
            (Verdict::Fails, _) => VerdictMark::Fails,
            (Verdict::Unobservable, Basis::Source) => VerdictMark::BySource,
            (Verdict::Unobservable, _) => VerdictMark::Unobservable,
        }
    }

    /// The sign, the word, and whether the word is shown beside the sign.
    const fn parts(self) -> (&'static str, &'static str, bool) {
        match self {
            VerdictMark::Holds => ("✓", "holds", false),
            VerdictMark::Fails => ("✗", "fails", true),
            VerdictMark::Unobservable => ("–", "unobservable", true),
            VerdictMark::BySource => ("§", "by source", false),
        }
    }

    pub(super) const fn class(self) -> &'static str {
        match self {
            VerdictMark::Holds => "holds",
            VerdictMark::Fails => "fails",
            VerdictMark::Unobservable => "unobservable",
            VerdictMark::BySource => "source",
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

/// The name by which links lead to the claim at this place.
pub(super) fn anchor(place: usize) -> String {
    format!("claim-{}", place + 1)
}

impl ClaimView {
    pub(super) fn of(place: usize, claim: &ClaimRecord) -> ClaimView {
        let kind = VerdictMark::of(claim);
        ClaimView {
            anchor: anchor(place),
            class: kind.class(),
            text: claim.text.clone(),
            is_open: matches!(kind, VerdictMark::Fails | VerdictMark::Unobservable),
            evidence: EvidenceView::of(claim),
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

    pub(super) fn is(&self, kind: VerdictMark) -> bool {
        self.kind == kind
    }
}
