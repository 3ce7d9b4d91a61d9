//! One thing to look at, and how it was seen.

use super::host::Host;
use crate::diagnosis::{Finding, Level, Section};

/// What was seen of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) level: Level,
    pub(super) now: String,
    pub(super) mend: Option<String>,
}

impl Seen {
    pub(super) fn ok(now: impl Into<String>) -> Self {
        Seen {
            level: Level::Ok,
            now: now.into(),
            mend: None,
        }
    }

    /// Everything but `ok` ends with the command that mends it.
    pub(super) fn but(level: Level, now: impl Into<String>, mend: impl Into<String>) -> Self {
        Seen {
            level,
            now: now.into(),
            mend: Some(mend.into()),
        }
    }
}

/// A row of the tables of this room.
pub(super) struct Inspection {
    /// What is looked at.
    pub(super) what: &'static str,
    /// Why it matters for counting.
    pub(super) why: &'static str,
    /// Looks.
    pub(super) look: fn(&Host) -> Seen,
}

/// Looks at everything in a table.
pub(super) fn section(subject: &'static str, checks: &[Inspection], host: &Host) -> Section {
    let findings = checks
        .iter()
        .map(|check| {
            let seen = (check.look)(host);
            Finding {
                what: check.what,
                level: seen.level,
                now: host.without_home(&seen.now),
                why: check.why,
                mend: seen.mend.map(|command| host.without_home(&command)),
            }
        })
        .collect();
    Section { subject, findings }
}
