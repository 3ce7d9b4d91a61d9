//! Units: what a number counts, and which numbers can be added or compared.
//!
//! Bytes, µs and ms are dimensions of their own. Events, pages, KiB and plain numbers all count things,
//! so they have none: "one fault per page" is `faults == work.pages`, and a number of pages becomes
//! bytes by `machine.page_bytes`.

use std::fmt;

use crate::metrics::Unit;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Anything without a unit of its own: flags, error numbers, processes.
    Plain,
    /// Calls, faults, samples.
    Events,
    /// Base pages of the machine.
    Pages,
    /// Blocks of 1,024 bytes, as in files of `/proc`.
    Kib,
    /// Bytes.
    Bytes,
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
}

impl Measure {
    /// Every one that an observation can have, with its name in `lesson.toml`.
    pub const NAMED: [(&'static str, Measure); 7] = [
        ("plain", Measure::Plain),
        ("events", Measure::Events),
        ("pages", Measure::Pages),
        ("kib", Measure::Kib),
        ("bytes", Measure::Bytes),
        ("us", Measure::Micros),
        ("ms", Measure::Millis),
    ];

    /// The unit that an observation's name tells: its last word that is one of [`Measure::NAMED`].
    #[must_use]
    pub fn told_by(name: &str) -> Measure {
        name.rsplit('_')
            .find_map(Measure::by_name)
            .unwrap_or(Measure::Plain)
    }

    /// Finds a unit by its name in `lesson.toml`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Measure> {
        let mut named = Measure::NAMED.iter();
        named.find(|(known, _)| *known == name).map(|(_, it)| *it)
    }

    /// Its name in messages and references.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Measure::Plain => "plain",
            Measure::Events => "events",
            Measure::Pages => "pages",
            Measure::Kib => "KiB",
            Measure::Bytes => "bytes",
            Measure::Micros => "µs",
            Measure::Millis => "ms",
        }
    }

    /// Its dimension.
    #[must_use]
    pub const fn dimension(self) -> Dimension {
        let (bytes, micros, millis) = match self {
            Measure::Plain | Measure::Events | Measure::Pages | Measure::Kib => (0, 0, 0),
            Measure::Bytes => (1, 0, 0),
            Measure::Micros => (0, 1, 0),
            Measure::Millis => (0, 0, 1),
        };
        Dimension([bytes, micros, millis])
    }
}

impl From<Unit> for Measure {
    fn from(unit: Unit) -> Measure {
        match unit {
            Unit::Events => Measure::Events,
            Unit::Pages => Measure::Pages,
            Unit::Bytes => Measure::Bytes,
        }
    }
}

/// Powers of bytes, µs and ms. Numbers of the same dimension can be added and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimension([i16; 3]);

impl Dimension {
    pub(super) const COUNT: Dimension = Dimension([0; 3]);

    pub(super) fn times(self, other: Dimension) -> Dimension {
        Dimension(std::array::from_fn(|at| {
            self.0[at].saturating_add(other.0[at])
        }))
    }

    pub(super) fn per(self, other: Dimension) -> Dimension {
        Dimension(std::array::from_fn(|at| {
            self.0[at].saturating_sub(other.0[at])
        }))
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Dimension::COUNT {
            return out.write_str("a count");
        }
        let powers = self.0.iter().zip(["bytes", "µs", "ms"]);
        let factors: Vec<String> = powers
            .filter(|(power, _)| **power != 0)
            .map(|(power, name)| match power {
                1 => name.to_owned(),
                power => format!("{name}^{power}"),
            })
            .collect();
        out.write_str(&factors.join(" * "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_unit_in_a_name_is_its_unit() {
        for (name, unit) in [
            ("resident_pages_before", Measure::Pages),
            ("page_tables_after_kib", Measure::Kib),
            ("bytes_behind_the_end", Measure::Bytes),
            ("rusage_user_us", Measure::Micros),
            ("flusher_delay_ms", Measure::Millis),
            ("errno", Measure::Plain),
            ("bus_error_page", Measure::Plain),
        ] {
            assert_eq!(Measure::told_by(name), unit, "{name}");
        }
    }

    #[test]
    fn pages_times_bytes_are_bytes_and_bytes_per_bytes_a_count() {
        let [pages, bytes] = [Measure::Pages, Measure::Bytes].map(Measure::dimension);
        assert_eq!(pages.times(bytes), bytes);
        assert_eq!(bytes.per(bytes), Dimension::COUNT);
        assert_eq!(bytes.times(bytes).to_string(), "bytes^2");
        let rate = bytes.per(Measure::Micros.dimension());
        assert_eq!(rate.to_string(), "bytes * µs^-1");
    }
}
