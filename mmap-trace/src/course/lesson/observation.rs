//! `[observations]`: what a lesson observes itself.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::problems::Problems;
use crate::course::expression::{measure::Measure, scope::Observation};

/// An entry of `[observations]`: what it is, alone or with its unit and the names of its values.
#[derive(Debug)]
pub(super) struct RawObservation(Described);

/// The long form of an entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    about: String,
    unit: Option<String>,
    #[serde(default)]
    by: Vec<String>,
}

impl<'de> Deserialize<'de> for RawObservation {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ObservationVisitor)
    }
}

struct ObservationVisitor;

impl<'de> Visitor<'de> for ObservationVisitor {
    type Value = RawObservation;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("what it is, or { about = \"…\", unit = \"…\", by = [\"…\"] }")
    }

    fn visit_str<E>(self, about: &str) -> Result<RawObservation, E> {
        Ok(RawObservation(Described {
            about: about.to_owned(),
            unit: None,
            by: Vec::new(),
        }))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawObservation, A::Error> {
        Described::deserialize(MapAccessDeserializer::new(map)).map(RawObservation)
    }
}

/// Reads the declarations; whatever is wrong goes into `problems`.
pub(super) fn read(
    raw: BTreeMap<String, RawObservation>,
    problems: &mut Problems,
) -> BTreeMap<String, Observation> {
    let mut observations = BTreeMap::new();
    for (name, RawObservation(described)) in raw {
        let place = format!("observation {name}");
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.chars().all(is_word) || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            problems.add(
                &place,
                "its name needs a letter, then letters, digits and _",
            );
        }
        problems.require_text(&described.about, &format!("{place}, about"));
        for by in &described.by {
            problems.require_name(by, &format!("{place}, by"));
        }
        let unit = match described.unit.as_deref() {
            None => Measure::told_by(&name),
            Some(unit) => Measure::by_name(unit).unwrap_or_else(|| {
                let known = Measure::NAMED.map(|(name, _)| name).join(", ");
                problems.add(&place, format!("no unit {unit}; there are {known}"));
                Measure::Plain
            }),
        };
        let observation = Observation {
            about: described.about,
            unit,
            by: described.by,
        };
        observations.insert(name, observation);
    }
    observations
}
