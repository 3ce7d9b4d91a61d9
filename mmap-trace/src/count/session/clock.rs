//! The wall clock, for the head of a Recording.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The time in UTC as RFC 3339, to the second.
#[must_use]
pub fn now() -> String {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0)
        .unwrap_or(now)
        .format(&Rfc3339)
        .unwrap_or_default()
}
