//! What the expressions of one lesson can name: its scenarios, observations and constants.

use std::collections::BTreeMap;

use super::{
    measure::{Dimension, Measure},
    names::{BUILT_IN_OBSERVATIONS, Name, Quantity},
    tree::Node,
};
use crate::text::nearest::did_you_mean;

/// The scenario that every lesson has without declaring it.
const NULL: &str = "null";

/// An observation that a lesson declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// What it is, in one sentence.
    pub about: String,
    /// Its unit.
    pub unit: Measure,
    /// Names of its values, if it has several.
    pub by: Vec<String>,
}

/// A named constant, read.
#[derive(Clone, Debug)]
pub(super) struct Constant {
    pub(super) node: Node,
    /// `None`: literals only, which take the unit of what they are used with.
    pub(super) dimension: Option<Dimension>,
}

/// The names of one lesson.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    scenarios: Vec<String>,
    observations: BTreeMap<String, Observation>,
    /// `None`: declared, but not read yet, or wrong.
    constants: BTreeMap<String, Option<Constant>>,
}

impl Scope {
    /// The scope of a lesson that has these scenarios and observations.
    #[must_use]
    pub fn new(scenarios: Vec<String>, observations: BTreeMap<String, Observation>) -> Scope {
        Scope {
            scenarios,
            observations,
            constants: BTreeMap::new(),
        }
    }

    /// Notes that there is a constant of this name, before it is read.
    pub(super) fn declare(&mut self, name: &str) {
        self.constants.insert(name.to_owned(), None);
    }

    pub(super) fn define(&mut self, name: &str, constant: Constant) {
        self.constants.insert(name.to_owned(), Some(constant));
    }

    pub(super) fn constant(&self, name: &str) -> Option<&Constant> {
        self.constants.get(name)?.as_ref()
    }

    /// Reads a name and refuses what the lesson does not have.
    pub fn name(&self, text: &str) -> Result<Name, String> {
        if self.constants.contains_key(text) {
            return Err(format!("it uses {text}, which is wrong in [let]"));
        }
        let name = Name::parse(text).map_err(|problem| {
            // A misspelt constant looks like a misspelt metric.
            let constants = self.constants.keys().map(String::as_str);
            match did_you_mean(text, constants) {
                hint if hint.is_empty() => problem,
                hint => format!("nothing is called {text}{hint}"),
            }
        })?;
        if let Some(scenario) = &name.scenario {
            self.require_scenario(scenario)?;
        }
        if let Quantity::Observed { name, by } = &name.quantity {
            self.require_observation(name, by.as_deref())?;
        }
        Ok(name)
    }

    /// Refuses a scenario that the lesson does not have.
    pub fn require_scenario(&self, name: &str) -> Result<(), String> {
        let known = || self.scenarios.iter().map(String::as_str).chain([NULL]);
        if known().any(|known| known == name) {
            return Ok(());
        }
        let minus = known().find(|known| name.ends_with(&format!("-{known}")));
        Err(match minus {
            Some(known) => {
                format!("no scenario {name}; a minus before a scenario needs spaces: - {known}:")
            }
            None => format!("no scenario {name}{}", did_you_mean(name, known())),
        })
    }

    fn require_observation(&self, name: &str, by: Option<&str>) -> Result<(), String> {
        let built_in = || BUILT_IN_OBSERVATIONS.iter().map(|(name, _)| *name);
        let Some(declared) = self.observations.get(name) else {
            if by.is_none() && built_in().any(|known| known == name) {
                return Ok(());
            }
            let declared = self.observations.keys().map(String::as_str);
            return Err(format!(
                "[observations] does not declare {name}{}",
                did_you_mean(name, declared.chain(built_in()))
            ));
        };
        let known = || declared.by.iter().map(String::as_str);
        match by {
            Some(by) if !known().any(|known| known == by) => Err(format!(
                "the observation {name} does not declare the value {by}{}",
                did_you_mean(by, known())
            )),
            _ => Ok(()),
        }
    }

    /// The unit of a name.
    pub(super) fn measure(&self, name: &Name) -> Measure {
        match &name.quantity {
            Quantity::Observed { name: observed, .. } => self
                .observations
                .get(observed)
                .map_or_else(|| name.quantity.measure(), |declared| declared.unit),
            quantity => quantity.measure(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let declare = |name: &str, by: &[&str]| {
            let observation = Observation {
                about: "something".to_owned(),
                unit: Measure::told_by(name),
                by: by.iter().map(|by| (*by).to_owned()).collect(),
            };
            (name.to_owned(), observation)
        };
        let observations = [declare("sum", &[]), declare("errno", &["offset-1"])];
        Scope::new(vec!["read-4k".to_owned()], observations.into())
    }

    #[test]
    fn declared_and_built_in_names_are_accepted() {
        for name in [
            "read-4k:faults",
            "null:syscalls",
            "observed.sum",
            "observed.errno.offset-1",
            "observed.rusage_minor_faults",
        ] {
            assert!(
                scope().name(name).is_ok(),
                "{name}: {:?}",
                scope().name(name)
            );
        }
    }

    #[test]
    fn an_undeclared_name_is_refused_with_the_nearest_one() {
        for (name, hint) in [
            (
                "read-8k:faults",
                "no scenario read-8k; did you mean read-4k?",
            ),
            ("faults-read-4k:faults", "needs spaces: - read-4k:"),
            ("observed.summ", "does not declare summ; did you mean sum?"),
            (
                "observed.rusage_minor_fault",
                "did you mean rusage_minor_faults?",
            ),
            ("observed.errno.ofset-1", "did you mean offset-1?"),
            ("observed.sum.first", "does not declare the value first"),
        ] {
            let error = scope().name(name).unwrap_err();
            assert!(error.contains(hint), "{name}: {error}");
        }
    }
}
