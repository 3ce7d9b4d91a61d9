//! A scenario that something outside of the lesson perturbed in every attempt refutes no sentence:
//! the lesson prepared one thing, and another was counted.

use mmap_trace_ebpf::session::PERTURBED;

use super::lookup::Place;
use crate::course::expression::tree::Expectation;

/// Why an expectation that is not true is no failure: one of its scenarios was perturbed.
pub(super) fn excuse(expectation: &Expectation, place: &Place<'_>) -> Option<String> {
    let named = expectation.names();
    let others = named.iter().filter_map(|name| name.scenario.as_deref());
    others.chain([place.scenario]).find_map(|name| {
        let attempts = place.scenario(name).ok()?.observed.get(PERTURBED)?.value?;
        Some(format!(
            "while {name} was played, the kernel took its pages back, made huge pages or wrote \
             everything to the disk, in each of {attempts} attempts; run the lesson again"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        course::samples::{disturb, recording},
        metrics::Grade,
    };

    #[test]
    fn a_disturbed_scenario_excuses_every_expectation_that_names_it_and_no_other() {
        let mut recording = recording();
        disturb(&mut recording, "read-4k");
        let excused = |scenario, text| {
            let place = Place {
                recording: &recording,
                scenario,
                least: Grade::Sampled,
            };
            excuse(&Expectation::parse(text).unwrap(), &place)
        };
        let reason = excused("read-4k", "faults == 0").unwrap();
        assert!(reason.contains("read-4k was played"), "{reason}");
        assert!(reason.contains("each of 4 attempts"), "{reason}");
        assert!(excused("mmap-load", "faults < read-4k:faults").is_some());
        assert_eq!(excused("mmap-load", "faults == 0"), None);
    }
}
