//! A check and its result.

use super::host::Host;
use crate::diagnosis::{Finding, Level, Section};

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

    /// Anything except `ok` has a command that mends it.
    pub(super) fn not_ok(level: Level, now: impl Into<String>, mend: impl Into<String>) -> Self {
        Seen {
            level,
            now: now.into(),
            mend: Some(mend.into()),
        }
    }
}

/// A check, as a row of a table.
pub(super) struct Inspection {
    pub(super) what: &'static str,
    /// Why the result matters for counting.
    pub(super) why: &'static str,
    pub(super) look: fn(&Host) -> Seen,
}

/// Runs the checks of a table.
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
