//! Evaluates the points of a chart.

use super::{evaluate, lookup::Place};
use crate::{
    course::{
        expression::value::{Unobservable, Value},
        lesson::chart::{Chart, Series},
    },
    metrics::Grade,
    record::Recording,
};

/// The values of each label, series by series.
#[must_use]
pub fn values(chart: &Chart, recording: &Recording) -> Vec<Vec<Result<Value, Unobservable>>> {
    let of_scenario = |scenario: &String| {
        let place = Place {
            recording,
            scenario,
            least: Grade::Sampled,
        };
        evaluate::value(&chart.value.node, &place)
    };
    let of_label = |series: &Series, number: usize, label: &str| {
        let scenario = series.scenarios.get(number);
        scenario.map_or_else(
            || Err(Unobservable(format!("{} has no {label}", series.name))),
            of_scenario,
        )
    };
    let of_series = |series: &Series| {
        let labels = chart.labels.iter().enumerate();
        labels
            .map(|(number, label)| of_label(series, number, label))
            .collect()
    };
    chart.series.iter().map(of_series).collect()
}
