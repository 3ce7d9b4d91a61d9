//! Compares Recordings of one lesson on several kernels: which counts differ, and why.

use serde::Serialize;

use super::lesson::file::{Difference, LessonFile};
use crate::{
    metrics::Metric,
    record::{Count, Machine, Recording, Verdict},
};

/// Recordings of one lesson, side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Id of the lesson.
    pub lesson: String,
    /// Kernel of each recording, in the order in which they were given.
    pub kernels: Vec<String>,
    /// The machine of each; its windows and folios explain many differences.
    pub machines: Vec<Machine>,
    /// Counts that are not 0 on every kernel.
    pub counts: Vec<CountRow>,
    /// Counts that are missing on some kernel.
    pub missing: Vec<Missing>,
    /// Claims whose verdicts differ.
    pub claims: Vec<ClaimRow>,
    /// Explanations of differences, in the order of the first row that each explains.
    pub reasons: Vec<Reason>,
}

/// One count of one scenario on every kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CountRow {
    /// The scenario.
    pub scenario: String,
    /// Key of the metric.
    pub count: String,
    /// Numbers by kernel; `null` where it was not counted.
    pub values: Vec<Option<u64>>,
    /// Whether two of the numbers differ.
    pub differs: bool,
    /// Index of its explanation in [`Comparison::reasons`]; `null` if it does not differ or nothing
    /// explains it.
    pub reason: Option<usize>,
}

/// An explanation of the lesson.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Why the counts differ.
    pub because: String,
    /// Section of the lesson's text.
    pub section: String,
}

/// A count that is missing on one kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Key of the metric.
    pub count: String,
    /// The kernel, as in [`Comparison::kernels`].
    pub kernel: String,
    /// The reason in its Recording.
    pub reason: String,
}

/// A claim whose verdict is not the same everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClaimRow {
    /// Its sentence.
    pub text: String,
    /// Verdicts by kernel; `null` where the Recording does not have the claim.
    pub verdicts: Vec<Option<Verdict>>,
}

/// Metrics that also count what other programs do.
const NOT_COMPARED: &[Metric] = &[Metric::BlockOther, Metric::CpuSamples];

/// Compares Recordings of the same lesson and size; the error says what does not match.
pub fn compare(recordings: &[Recording], file: Option<&LessonFile>) -> Result<Comparison, String> {
    let Some(first) = recordings.first() else {
        return Err("there is no recording to compare".to_owned());
    };
    for other in recordings {
        if other.lesson != first.lesson || other.lesson.is_none() {
            return Err("the recordings are not all of the same lesson".to_owned());
        }
        if other.size_bytes != first.size_bytes {
            return Err("the recordings are of different sizes of data".to_owned());
        }
    }
    let mut comparison = Comparison {
        lesson: first.lesson.clone().unwrap_or_default(),
        kernels: recordings
            .iter()
            .map(|it| it.machine.kernel.clone())
            .collect(),
        machines: recordings.iter().map(|it| it.machine.clone()).collect(),
        counts: Vec::new(),
        missing: Vec::new(),
        claims: claims(recordings),
        reasons: Vec::new(),
    };
    let differences = file.map_or(&[][..], |file| &file.differences);
    for scenario in &first.scenarios {
        for metric in Metric::ALL {
            if NOT_COMPARED.contains(metric) {
                continue;
            }
            let values = values(recordings, &scenario.name, metric.key());
            if values.iter().all(|value| value.unwrap_or(0) == 0) {
                continue;
            }
            let mut numbers = values.iter().flatten();
            let one = numbers.next();
            let differs = numbers.any(|value| Some(value) != one);
            comparison.name_missing(recordings, &scenario.name, metric.key());
            let why = differences
                .iter()
                .filter(|_| differs)
                .find(|known| explains(known, &scenario.name, metric.key()));
            let reason = why.map(|known| comparison.number_of(known));
            comparison.counts.push(CountRow {
                scenario: scenario.name.clone(),
                count: metric.key().to_owned(),
                values,
                differs,
                reason,
            });
        }
    }
    Ok(comparison)
}

impl Comparison {
    fn number_of(&mut self, known: &Difference) -> usize {
        let reason = Reason {
            because: known.because.clone(),
            section: known.section.clone(),
        };
        let place = self.reasons.iter().position(|it| *it == reason);
        place.unwrap_or_else(|| {
            self.reasons.push(reason);
            self.reasons.len() - 1
        })
    }

    fn name_missing(&mut self, recordings: &[Recording], scenario: &str, key: &str) {
        for recording in recordings {
            let count = count(recording, scenario, key);
            if count.is_some_and(|count| count.value.is_some()) {
                continue;
            }
            let reason = count.and_then(|count| count.reason.clone());
            let missing = Missing {
                count: key.to_owned(),
                kernel: recording.machine.kernel.clone(),
                reason: reason.unwrap_or_else(|| "that run does not have this count".to_owned()),
            };
            if !self.missing.contains(&missing) {
                self.missing.push(missing);
            }
        }
    }
}

fn count<'a>(recording: &'a Recording, scenario: &str, key: &str) -> Option<&'a Count> {
    let mut scenarios = recording.scenarios.iter();
    scenarios
        .find(|it| it.name == scenario)
        .and_then(|scenario| scenario.counts.get(key))
}

fn values(recordings: &[Recording], scenario: &str, key: &str) -> Vec<Option<u64>> {
    recordings
        .iter()
        .map(|recording| count(recording, scenario, key)?.value)
        .collect()
}

fn explains(known: &Difference, scenario: &str, key: &str) -> bool {
    known.counts.iter().any(|it| it == key)
        && (known.scenarios.is_empty() || known.scenarios.iter().any(|it| it == scenario))
}

fn claims(recordings: &[Recording]) -> Vec<ClaimRow> {
    let first = recordings.first().map_or(&[][..], |it| &it.claims);
    first
        .iter()
        .map(|claim| {
            let of = |recording: &Recording| {
                let mut claims = recording.claims.iter();
                claims.find(|it| it.id == claim.id).map(|it| it.verdict)
            };
            ClaimRow {
                text: claim.text.clone(),
                verdicts: recordings.iter().map(of).collect(),
            }
        })
        .filter(|row| {
            row.verdicts
                .iter()
                .any(|verdict| *verdict != row.verdicts[0])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::samples::{LESSON, count, recording};

    fn other(faults: Option<u64>) -> Recording {
        let mut other = recording();
        other.machine.kernel = "6.1.0".to_owned();
        count(&mut other, "mmap-load", "faults").value = faults;
        other
    }

    fn row<'a>(comparison: &'a Comparison, scenario: &str, key: &str) -> &'a CountRow {
        let mut rows = comparison.counts.iter();
        rows.find(|row| row.scenario == scenario && row.count == key)
            .unwrap()
    }

    #[test]
    fn counts_that_differ_are_marked_and_explained_by_the_lesson() {
        let text = format!(
            "{LESSON}\n[[difference]]\ncounts = [\"faults\"]\nscenarios = [\"mmap-load\"]\n\
             because = \"Folios are large there.\"\nsection = \"Explain\"\n"
        );
        let file = LessonFile::parse(&text).unwrap();
        let recordings = [recording(), other(Some(17))];
        let comparison = compare(&recordings, Some(&file)).unwrap();
        let faults = row(&comparison, "mmap-load", "faults");
        assert_eq!(faults.values, [Some(1024), Some(17)]);
        assert_eq!((faults.differs, faults.reason), (true, Some(0)));
        assert_eq!(comparison.reasons[0].because, "Folios are large there.");
        assert!(!row(&comparison, "read-4k", "copied_to_user_bytes").differs);
        let unexplained = compare(&recordings, None).unwrap();
        assert_eq!(row(&unexplained, "mmap-load", "faults").reason, None);
    }

    #[test]
    fn a_count_that_is_missing_on_one_kernel_has_a_reason_and_is_not_a_difference() {
        let mut without = other(None);
        count(&mut without, "mmap-load", "faults").reason = Some("no such event".to_owned());
        let comparison = compare(&[recording(), without], None).unwrap();
        let faults = row(&comparison, "mmap-load", "faults");
        assert_eq!(faults.values, [Some(1024), None]);
        assert!(!faults.differs);
        let missing = &comparison.missing[0];
        assert_eq!((&*missing.count, &*missing.kernel), ("faults", "6.1.0"));
        assert_eq!(missing.reason, "no such event");
    }

    #[test]
    fn recordings_of_other_lessons_or_sizes_are_refused() {
        let mut stranger = recording();
        stranger.lesson = Some("lesson-9".to_owned());
        assert!(compare(&[recording(), stranger], None).is_err());
        let mut smaller = recording();
        smaller.size_bytes = Some(1);
        assert!(compare(&[recording(), smaller], None).is_err());
        assert!(compare(&[], None).is_err());
    }
}
