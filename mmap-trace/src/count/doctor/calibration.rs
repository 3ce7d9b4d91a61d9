//! The findings of the calibration.

use std::collections::BTreeMap;

use super::kernel::ANOTHER_KERNEL;
use crate::diagnosis::{Finding, Level};
use crate::{
    count::{calibration::judge::Calibration, kernel::page_size::page_bytes, trace::Traced},
    record::{CalibrationStep, StepResult},
};

const OTHER_DISK: &str = "cargo xtask doctor --work-dir DIR   # on ext4";

pub(super) fn findings(traced: &Traced) -> Vec<Finding> {
    vec![
        steps(&traced.calibration.steps),
        largest_folio(&traced.calibration),
    ]
}

fn steps(steps: &[CalibrationStep]) -> Finding {
    let (failed, not_run) = (
        by_reason(steps, StepResult::Failed),
        by_reason(steps, StepResult::NotRun),
    );
    let passed = steps
        .iter()
        .filter(|step| step.state == StepResult::Passed)
        .count();
    let sum = format!("{passed} of {} steps counted right", steps.len());
    let (level, mend) = match (failed.is_empty(), not_run.is_empty()) {
        (true, true) => (Level::Ok, None),
        (true, false) => (Level::Note, Some(OTHER_DISK)),
        (false, _) => (Level::Warning, Some(ANOTHER_KERNEL)),
    };
    let now: Vec<String> = [vec![sum], failed, not_run].concat();
    Finding {
        what: "known workload",
        level,
        now: now.join("; "),
        why: "a probe that counts a known workload wrong is not used, so claims that need it are unobservable",
        mend: mend.map(str::to_owned),
    }
}

/// Lists the steps in this state by reason, because many may share one.
fn by_reason(steps: &[CalibrationStep], state: StepResult) -> Vec<String> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for step in steps.iter().filter(|step| step.state == state) {
        let reason = step.reason.as_deref().unwrap_or("without a reason");
        reasons.entry(reason).or_default().push(&step.name);
    }
    reasons
        .iter()
        .map(|(reason, names)| format!("{reason}: {}", names.join(", ")))
        .collect()
}

fn largest_folio(calibration: &Calibration) -> Finding {
    let bytes = calibration
        .largest_folio_pages
        .map(|pages| pages * page_bytes() as u64);
    Finding {
        what: "largest folio",
        level: match bytes {
            Some(_) => Level::Ok,
            None => Level::Note,
        },
        now: bytes.map_or("could not be measured".to_owned(), |bytes| {
            format!("{} KiB, measured", bytes >> 10)
        }),
        why: "pages are dirtied and written back by the folio, so bounds of lessons depend on it",
        mend: bytes.is_none().then(|| OTHER_DISK.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, state: StepResult, reason: Option<&str>) -> CalibrationStep {
        CalibrationStep {
            name: name.to_owned(),
            state,
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn a_failed_step_is_a_warning_and_a_step_that_was_not_run_a_note() {
        let passed = step("read", StepResult::Passed, None);
        let not_run = step("direct", StepResult::NotRun, Some("EINVAL"));
        let failed = step("dirty", StepResult::Failed, Some("7 for 8"));
        let found = steps(std::slice::from_ref(&passed));
        assert_eq!(
            (found.level, found.now.as_str()),
            (Level::Ok, "1 of 1 steps counted right")
        );
        assert_eq!(found.mend, None);
        let found = steps(&[passed.clone(), not_run.clone()]);
        assert_eq!(
            (found.level, found.now.as_str()),
            (Level::Note, "1 of 2 steps counted right; EINVAL: direct")
        );
        let found = steps(&[passed, not_run, failed]);
        assert_eq!(found.level, Level::Warning);
        assert!(found.now.contains("7 for 8: dirty"), "{}", found.now);
        assert!(found.mend.is_some());
    }

    #[test]
    fn a_folio_size_that_was_not_measured_is_not_0() {
        let found = largest_folio(&Calibration::default());
        assert_eq!(found.now, "could not be measured");
        assert_eq!(found.level, Level::Note);
    }
}
