//! Why an expectation that is not true does not refute its sentence.
//!
//! The run was ended, and what it was ended in may be half done; or the kernel was not in the state that the
//! lesson prepared, because something outside of the lesson perturbed every attempt; or the lesson ran on a
//! file system that the sentence does not speak of.

use mmap_trace_ebpf::session::PERTURBED;

use super::lookup::Place;
use crate::course::expression::tree::Expectation;

/// The excuse for `expectation`, if there is one; `file_systems` are those of the lesson, or none.
pub(super) fn of(
    expectation: &Expectation,
    place: &Place<'_>,
    file_systems: &[String],
) -> Option<String> {
    unfinished(place)
        .or_else(|| perturbed(expectation, place))
        .or_else(|| other_file_system(place, file_systems))
}

fn unfinished(place: &Place<'_>) -> Option<String> {
    let is_incomplete = place.recording.incomplete.is_some();
    is_incomplete.then(|| "the run did not finish, so it refutes nothing".to_owned())
}

fn perturbed(expectation: &Expectation, place: &Place<'_>) -> Option<String> {
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

fn other_file_system(place: &Place<'_>, file_systems: &[String]) -> Option<String> {
    let found = &place.recording.machine.file_system;
    let is_other = !file_systems.is_empty() && !file_systems.contains(found);
    is_other.then(|| {
        format!(
            "it is not so on {found}, and the sentence is about {}",
            file_systems.join(" and ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        course::samples::{expectation, perturb, recording},
        metrics::Grade,
    };

    #[test]
    fn a_perturbed_scenario_excuses_every_expectation_that_names_it_and_no_other() {
        let mut recording = recording();
        perturb(&mut recording, "read-4k");
        let excused = |scenario, text| {
            let place = Place {
                recording: &recording,
                scenario,
                least: Grade::Sampled,
            };
            of(&expectation(text), &place, &["ext4".to_owned()])
        };
        let reason = excused("read-4k", "faults == 0").unwrap();
        assert!(reason.contains("read-4k was played"), "{reason}");
        assert!(reason.contains("each of 4 attempts"), "{reason}");
        assert!(excused("mmap-load", "faults < read-4k:faults").is_some());
        assert_eq!(excused("mmap-load", "faults == 0"), None);
    }

    #[test]
    fn a_run_that_did_not_finish_refutes_nothing() {
        let mut recording = recording();
        recording.incomplete = Some("it was ended".to_owned());
        let place = Place {
            recording: &recording,
            scenario: "read-4k",
            least: Grade::Sampled,
        };
        let reason = of(&expectation("faults == 0"), &place, &[]).unwrap();
        assert!(reason.contains("did not finish"), "{reason}");
    }

    #[test]
    fn only_a_file_system_that_the_lesson_does_not_name_is_an_excuse() {
        let mut recording = recording();
        recording.machine.file_system = "tmpfs".to_owned();
        let place = Place {
            recording: &recording,
            scenario: "read-4k",
            least: Grade::Sampled,
        };
        let excused = |known: &[&str]| {
            let known: Vec<String> = known.iter().map(|it| (*it).to_owned()).collect();
            of(&expectation("faults == 0"), &place, &known)
        };
        let reason = excused(&["ext4", "xfs"]).unwrap();
        assert_eq!(
            reason,
            "it is not so on tmpfs, and the sentence is about ext4 and xfs"
        );
        assert_eq!(excused(&["tmpfs"]), None);
        assert_eq!(excused(&[]), None);
    }
}
