//! One thing that was looked at, and what it means for counting.

use serde::Serialize;

use super::host::Host;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Good to know beside the numbers.
    Note,
    /// Some counts mean less here, or are missing.
    Warning,
    /// Nothing can be counted while it is so.
    Problem,
}

impl Level {
    /// Its name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Problem => "problem",
        }
    }
}

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
pub(super) struct Check {
    /// What is looked at.
    pub(super) what: &'static str,
    /// Why it matters for counting.
    pub(super) why: &'static str,
    /// Looks.
    pub(super) look: fn(&Host) -> Seen,
}

/// What came of one check.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: &'static str,
    /// How much it matters.
    pub level: Level,
    /// How it is.
    pub now: String,
    /// Why it matters.
    pub why: &'static str,
    /// The command that mends it; `null` where nothing needs mending.
    pub mend: Option<String>,
}

/// Findings about one subject.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// The subject.
    pub subject: &'static str,
    /// Its findings, in the order of the table.
    pub findings: Vec<Finding>,
}

impl Section {
    pub(super) fn of(subject: &'static str, checks: &[Check], host: &Host) -> Self {
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
}
