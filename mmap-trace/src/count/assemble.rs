//! The last step of counting: makes a Recording of what was traced.

use super::{
    aggregate::{self, Counting},
    calibration::judge::grade,
    kernel::{disk::Disk, page_size::page_bytes},
    losses,
    session::wait::End,
    trace::Traced,
    unprivileged,
};
use crate::record::{
    FORMAT_VERSION, Instrument, Losses, Machine, MetricRecord, MetricState, Recording,
    ScenarioRecord,
};

/// What a Recording says about a run apart from its counts.
pub struct RunDescription<'a> {
    pub program: Traceable,
    /// Start of the run, RFC 3339, UTC.
    pub started_at: String,
    pub disk: &'a Disk,
    /// The account that the program ran as.
    pub user: &'a str,
    pub instrument: Instrument,
    /// Fault-around window, where it could be measured.
    pub fault_around_bytes: Option<u64>,
}

pub enum Traceable {
    Lesson {
        id: String,
        /// Size of its data.
        size_bytes: u64,
    },
    Command(Vec<String>),
}

/// Everything that was counted; claims and predictions are judged later.
#[must_use]
pub fn recording(traced: &Traced, run: RunDescription<'_>) -> Recording {
    let mut scenarios = aggregate::scenarios(&traced.marks, &traced.rows, &counting(traced));
    if run.instrument == Instrument::Unprivileged {
        unprivileged::complete(&traced.marks, &mut scenarios);
    }
    let losses = Losses {
        still_running: traced.still_running,
        ..losses::sums(&traced.rows, &traced.misses)
    };
    let mut metrics = metrics(traced, &scenarios);
    losses::mark(
        &traced.chosen,
        traced.untraced_threads + traced.still_running,
        &traced.misses,
        &mut metrics,
        &mut scenarios,
    );
    losses::mark_polled(
        traced.polled_rings,
        &traced.chosen,
        &mut metrics,
        &mut scenarios,
    );
    let machine = machine(traced, &run);
    let incomplete = incomplete(traced, &run.program);
    let (lesson, size_bytes, command) = match run.program {
        Traceable::Lesson { id, size_bytes } => (Some(id), Some(size_bytes), None),
        Traceable::Command(words) => (None, None, Some(words)),
    };
    Recording {
        format_version: FORMAT_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: run.started_at,
        lesson,
        command,
        size_bytes,
        incomplete,
        machine,
        metrics,
        calibration: traced.calibration.steps.clone(),
        losses,
        scenarios,
        claims: Vec::new(),
        predictions: Vec::new(),
    }
}

/// A command that ended by itself is complete, whatever its exit status says.
fn incomplete(traced: &Traced, program: &Traceable) -> Option<String> {
    if matches!(
        (program, &traced.end),
        (Traceable::Command(_), End::Exited(_))
    ) {
        return None;
    }
    traced.end.problem().or_else(|| {
        let overflow = traced.marks.overflow;
        overflow.then(|| "a table of the session page was full, so later scenarios or observations are missing".to_owned())
    })
}

fn machine(traced: &Traced, run: &RunDescription<'_>) -> Machine {
    let RunDescription { disk, .. } = run;
    let name = nix::sys::utsname::uname().ok();
    let text = |field: fn(&nix::sys::utsname::UtsName) -> &std::ffi::OsStr| {
        name.as_ref().map_or(String::new(), |name| {
            field(name).to_string_lossy().into_owned()
        })
    };
    Machine {
        kernel: text(|name| name.release()),
        arch: text(|name| name.machine()),
        page_size: page_bytes() as u64,
        cpus: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
        file_system: disk.file_system.clone(),
        image_on: disk.image_on.clone(),
        block_device: disk.device.map(|_| disk.device_name.clone()),
        readahead_bytes: disk.readahead_bytes(),
        fault_around_bytes: run.fault_around_bytes,
        largest_folio_bytes: traced
            .calibration
            .largest_folio_pages
            .map(|pages| pages * page_bytes() as u64),
        user: run.user.to_owned(),
        instrument: run.instrument,
    }
}

fn metrics(traced: &Traced, scenarios: &[ScenarioRecord]) -> Vec<MetricRecord> {
    traced
        .chosen
        .iter()
        .map(|chosen| {
            let key = chosen.plan.metric.key();
            let lost: u64 = scenarios
                .iter()
                .filter_map(|scenario| scenario.counts.get(key))
                .map(|count| count.lost)
                .sum();
            let finding = traced.calibration.findings.get(&chosen.plan.metric);
            let wrong = finding.and_then(|finding| finding.refuted.clone());
            let calibrated_by = finding.map_or(&[][..], |finding| &finding.calibrated_by);
            let state = match (chosen.probe, lost) {
                (None, _) => MetricState::Unavailable,
                (Some(_), _) if wrong.is_some() => MetricState::Refuted,
                (Some(_), 0) if calibrated_by.is_empty() => MetricState::Attached,
                (Some(_), 0) => MetricState::Calibrated,
                (Some(_), _) => MetricState::Lost,
            };
            MetricRecord {
                name: key.to_owned(),
                state,
                grade: chosen.probe.map(|probe| grade(probe, finding)),
                probe: chosen.probe.map(|probe| probe.name.to_owned()),
                meaning: chosen.probe.map(|probe| probe.meaning.to_owned()),
                lost,
                calibrated_by: calibrated_by
                    .iter()
                    .map(|step| (*step).to_owned())
                    .collect(),
                not_calibrated: finding.and_then(|finding| finding.not_calibrated.clone()),
                not_cross_checked: finding.and_then(|finding| finding.not_cross_checked.clone()),
                reason: wrong
                    .or_else(|| chosen.reason())
                    .or_else(|| chosen.rejections()),
            }
        })
        .collect()
}

/// How each metric was counted; a probe that the calibration refuted does not count.
fn counting(traced: &Traced) -> Vec<Counting> {
    traced
        .chosen
        .iter()
        .map(|chosen| {
            let finding = traced.calibration.findings.get(&chosen.plan.metric);
            let refuted = finding.and_then(|finding| finding.refuted.clone());
            Counting {
                metric: chosen.plan.metric,
                probe: chosen.probe.filter(|_| refuted.is_none()),
                reason: refuted.or_else(|| chosen.reason()),
            }
        })
        .collect()
}
