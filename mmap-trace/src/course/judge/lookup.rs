//! Looks up a name in a Recording: its number, or why there is none.

use std::collections::BTreeMap;

use crate::text::number::thousands;
use crate::{
    metrics::{Grade, Metric},
    record::{Count, CpuTime, Machine, MetricRecord, Observed, Recording, ScenarioRecord},
};

use crate::course::expression::{
    names::{Name, Quantity},
    value::{Rounds, Unobservable, Value},
};

/// The run and scenario in which names are looked up.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The run.
    pub recording: &'a Recording,
    /// The scenario that is checked.
    pub scenario: &'a str,
    /// The lowest grade that a count may have.
    pub least: Grade,
}

impl<'a> Place<'a> {
    /// Looks up a name.
    pub fn value(&self, name: &Name) -> Result<Value, Unobservable> {
        let machine = &self.recording.machine;
        match &name.quantity {
            quantity if !quantity.is_of_scenario() => of_machine(machine, quantity),
            quantity => {
                let scenario = self.scenario(name.scenario.as_deref().unwrap_or(self.scenario))?;
                self.of_scenario(scenario, quantity)
            }
        }
    }

    /// A scenario that finished at least one round.
    pub(super) fn scenario(&self, name: &str) -> Result<&'a ScenarioRecord, Unobservable> {
        let found = self
            .recording
            .scenarios
            .iter()
            .find(|scenario| scenario.name == name);
        match found {
            None => unobservable(format!("the scenario {name} was not run")),
            Some(scenario) if scenario.rounds == 0 => {
                unobservable(format!("the scenario {name} was not finished"))
            }
            Some(scenario) => Ok(scenario),
        }
    }

    fn of_scenario(
        &self,
        scenario: &ScenarioRecord,
        quantity: &Quantity,
    ) -> Result<Value, Unobservable> {
        match quantity {
            Quantity::WorkBytes => Ok(Value::constant(scenario.work.bytes)),
            Quantity::WorkPages => Ok(Value::constant(scenario.work.pages)),
            Quantity::WorkOperations => Ok(Value::constant(scenario.work.operations)),
            Quantity::Rounds => Ok(Value::constant(scenario.rounds)),
            Quantity::CpuTime => scenario.cpu_time.map(of_time).ok_or_else(|| {
                Unobservable(format!(
                    "the CPU time of {} was not measured",
                    scenario.name
                ))
            }),
            Quantity::Observed { name, by } => {
                let Some(observed) = scenario.observed.get(name) else {
                    return unobservable(format!("{} did not observe {name}", scenario.name));
                };
                of_observation(name, by.as_deref(), observed)
            }
            Quantity::Count { role, metric, part } => {
                let counts = match role {
                    None => &scenario.counts,
                    Some(role) => scenario.roles.get(role.name()).ok_or_else(|| {
                        Unobservable(format!("{} has no role {}", scenario.name, role.name()))
                    })?,
                };
                self.of_count(*metric, part.as_deref(), counts.get(metric.key()))
            }
            Quantity::PageBytes
            | Quantity::FaultAroundBytes
            | Quantity::ReadaheadBytes
            | Quantity::LargestFolioBytes => of_machine(&self.recording.machine, quantity),
        }
    }

    fn of_count(
        &self,
        metric: Metric,
        part: Option<&str>,
        count: Option<&Count>,
    ) -> Result<Value, Unobservable> {
        let key = metric.key();
        let record = self
            .recording
            .metrics
            .iter()
            .find(|record| record.name == key);
        let Some(Count {
            value: Some(value),
            min,
            max,
            by,
            lost,
            ..
        }) = count
        else {
            let reason = count
                .and_then(|count| count.reason.as_deref())
                .or_else(|| record.and_then(|record| record.reason.as_deref()))
                .unwrap_or("it was not counted");
            return unobservable(format!("{key}: {reason}"));
        };
        if *lost > 0 {
            return unobservable(format!("{key}: lost {}", thousands(*lost)));
        }
        self.require_worth(key, record)?;
        match part {
            None => Ok(Value {
                median: (*value).into(),
                min: min.unwrap_or(*value).into(),
                max: max.unwrap_or(*value).into(),
                rounds: Rounds::All,
            }),
            Some(part) => {
                let number = of_part(key, part, by, probe(record))?;
                let is_spread = min.is_some() || max.is_some();
                Ok(if is_spread {
                    Value::of_one_round(number)
                } else {
                    Value::constant(number)
                })
            }
        }
    }

    /// Requires the grade that the claim asks for.
    fn require_worth(&self, key: &str, record: Option<&MetricRecord>) -> Result<(), Unobservable> {
        match record.and_then(|record| record.grade) {
            Some(grade) if grade < self.least => unobservable(format!(
                "{key} is {} here, by {}; this needs {}",
                grade.name(),
                probe(record),
                self.least.name()
            )),
            None if self.least > Grade::Sampled => {
                unobservable(format!("{key}: nothing says how it was counted"))
            }
            _ => Ok(()),
        }
    }
}

fn probe(record: Option<&MetricRecord>) -> &str {
    record
        .and_then(|record| record.probe.as_deref())
        .unwrap_or("used here")
}

fn of_part(
    key: &str,
    part: &str,
    by: &BTreeMap<String, u64>,
    probe: &str,
) -> Result<u64, Unobservable> {
    // A write fault whose mapping was not found is in neither of these two parts.
    let unclassified = by.get("unclassified").copied().unwrap_or(0);
    if matches!(part, "cow" | "mkwrite") && unclassified > 0 {
        let reason = format!("{key}: {unclassified} write faults are unclassified");
        return unobservable(reason);
    }
    by.get(part).copied().ok_or_else(|| {
        Unobservable(format!(
            "{key}: the probe {probe} does not tell the part {part}"
        ))
    })
}

/// Smallest and largest are the ends of the interval, not the extreme rounds.
fn of_time(time: CpuTime) -> Value {
    Value {
        median: time.median_us.into(),
        min: time.low_us.into(),
        max: time.high_us.into(),
        rounds: Rounds::All,
    }
}

fn of_machine(machine: &Machine, quantity: &Quantity) -> Result<Value, Unobservable> {
    let (number, what) = match quantity {
        Quantity::FaultAroundBytes => (machine.fault_around_bytes, "fault-around window"),
        Quantity::ReadaheadBytes => (machine.readahead_bytes, "readahead window"),
        Quantity::LargestFolioBytes => (machine.largest_folio_bytes, "largest folio"),
        _ => (Some(machine.page_size), "page"),
    };
    number
        .map(Value::constant)
        .ok_or_else(|| Unobservable(format!("the {what} of this machine could not be measured")))
}

/// An observation is known for one round only.
fn of_observation(
    name: &str,
    by: Option<&str>,
    observed: &Observed,
) -> Result<Value, Unobservable> {
    match by {
        None => observed.value.map(Value::of_one_round).ok_or_else(|| {
            let known: Vec<&str> = observed.by.keys().map(String::as_str).collect();
            Unobservable(format!(
                "the observation {name} has only {}",
                known.join(", ")
            ))
        }),
        Some(by) => match observed.by.get(by) {
            Some(&number) => Ok(Value::of_one_round(number)),
            None => unobservable(format!("the observation {name} has no value for {by}")),
        },
    }
}

fn unobservable<T>(reason: String) -> Result<T, Unobservable> {
    Err(Unobservable(reason))
}
