//! The numbers of a scenario, one by one.

use super::{ALL, unit};
use crate::{
    course::expression::names,
    metrics::{Grade, Metric},
    record::{Count, Counts, MetricState, Recording, ScenarioRecord},
};

/// One number of one scenario, with what belongs to it alone.
#[derive(Clone, Default)]
pub(super) struct Datum {
    pub(super) role: String,
    pub(super) metric: String,
    /// The name of the part; `None` for the whole.
    pub(super) part: Option<String>,
    pub(super) value: Option<i128>,
    pub(super) range: [Option<u64>; 2],
    pub(super) unit: &'static str,
    pub(super) state: &'static str,
    pub(super) grade: &'static str,
    pub(super) lost: u64,
    pub(super) reason: Option<String>,
}

/// Every number of a scenario: what the lesson reports first, then counts, together and by role.
pub(super) fn of_scenario<'a>(
    recording: &'a Recording,
    scenario: &'a ScenarioRecord,
) -> impl Iterator<Item = Datum> + 'a {
    of_lesson(scenario)
        .into_iter()
        .chain(of_counts(recording, ALL, &scenario.counts))
        .chain(of_roles(recording, scenario))
}

/// What the lesson reports and observes, and times; by the names that an expectation would use.
fn of_lesson(scenario: &ScenarioRecord) -> Vec<Datum> {
    let datum = |metric: &str, unit, value: Option<u64>| Datum {
        role: ALL.to_owned(),
        metric: metric.to_owned(),
        value: value.map(i128::from),
        unit,
        ..Datum::default()
    };
    // A scenario that was cut off has reported nothing yet.
    let reason = (scenario.rounds == 0).then(|| "no round of it came to its end".to_owned());
    let reported = |metric, unit, value: u64| Datum {
        reason: reason.clone(),
        ..datum(metric, unit, reason.is_none().then_some(value))
    };
    let (work, elapsed) = (scenario.work, scenario.elapsed_ns);
    let mut data = vec![
        datum("rounds", "events", Some(scenario.rounds)),
        reported("work.bytes", "bytes", work.bytes),
        reported("work.pages", "pages", work.pages),
        reported("work.operations", "events", work.operations),
        Datum {
            range: match reason {
                None => [Some(elapsed.min), Some(elapsed.max)],
                Some(_) => [None, None],
            },
            ..reported("elapsed_ns", "ns", elapsed.median)
        },
    ];
    let time = scenario.cpu_time;
    data.push(Datum {
        reason: time.is_none().then(|| "nothing reported it".to_owned()),
        ..datum("cpu_us", "us", time.map(|time| time.median_us))
    });
    for (part, value) in time
        .into_iter()
        .flat_map(|time| [("low", time.low_us), ("high", time.high_us)])
    {
        data.push(Datum {
            part: Some(part.to_owned()),
            ..datum("cpu_us", "us", Some(value))
        });
    }
    for (name, observed) in &scenario.observed {
        let whole = observed.value.map(|value| (None, value));
        let parts = observed.by.iter();
        let parts = parts.map(|(part, value)| (Some(part.clone()), *value));
        data.extend(whole.into_iter().chain(parts).map(|(part, value)| Datum {
            part,
            value: Some(value.into()),
            ..datum(&format!("observed.{name}"), "", None)
        }));
    }
    data
}

fn of_roles<'a>(
    recording: &'a Recording,
    scenario: &'a ScenarioRecord,
) -> impl Iterator<Item = Datum> + 'a {
    let roles = scenario.roles.iter();
    roles.flat_map(|(role, counts)| of_counts(recording, role, counts))
}

/// The counts of one role with their parts: those of the known metrics in their order, then others.
fn of_counts(recording: &Recording, role: &str, counts: &Counts) -> Vec<Datum> {
    let known = Metric::ALL.iter().map(|metric| metric.key());
    let known = known.filter(|key| counts.contains_key(*key));
    let others = counts.keys().map(String::as_str);
    let others = others.filter(|key| Metric::by_key(key).is_none());
    known
        .chain(others)
        .flat_map(|key| of_count(recording, role, key, &counts[key]))
        .collect()
}

fn of_count(recording: &Recording, role: &str, key: &str, count: &Count) -> Vec<Datum> {
    let metric = Metric::by_key(key);
    let record = recording.metrics.iter().find(|record| record.name == key);
    let why = count.reason.clone();
    let why = why.or_else(|| record.and_then(|record| record.reason.clone()));
    let whole = Datum {
        role: role.to_owned(),
        metric: key.to_owned(),
        part: None,
        value: count.value.map(i128::from),
        range: [count.min, count.max],
        unit: metric.map_or("", |metric| unit(metric.unit())),
        state: record.map_or("", |record| state(record.state)),
        grade: record
            .and_then(|record| record.grade)
            .map_or("", Grade::name),
        lost: count.lost,
        reason: count
            .value
            .is_none()
            .then(|| why.unwrap_or_else(|| "the recording does not say why".to_owned())),
    };
    // Parts of a number that is not there are not there either.
    let is_there = |_: &&str| count.value.is_some();
    let order = metric.map_or_else(Vec::new, names::parts);
    let known = order.iter().copied();
    let known = known.filter(|part| count.by.contains_key(*part));
    let others = count.by.keys().map(String::as_str);
    let others = others.filter(|part| !order.contains(part));
    let parts = known.chain(others).filter(is_there).map(|part| Datum {
        part: Some(part.to_owned()),
        value: Some(count.by[part].into()),
        range: [None, None],
        ..whole.clone()
    });
    [whole.clone()].into_iter().chain(parts).collect()
}

/// As in JSON.
const fn state(state: MetricState) -> &'static str {
    match state {
        MetricState::Calibrated => "calibrated",
        MetricState::Attached => "attached",
        MetricState::Refuted => "refuted",
        MetricState::Unavailable => "unavailable",
        MetricState::Lost => "lost",
    }
}
