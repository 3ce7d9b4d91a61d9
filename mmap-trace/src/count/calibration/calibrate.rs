//! The tracer's side of the calibration: runs the calibrator, judges what was counted, and clears it.

use std::{collections::BTreeMap, os::fd::BorrowedFd, sync::atomic::Ordering::Relaxed};

use anyhow::Result;
use mmap_trace_ebpf::session::CELL_FINISHED;
use nix::errno::Errno;

use super::{
    calibrator::cell_of,
    cross_check::CROSS_CHECKS,
    judge::{Calibration, CalibrationSite, StepRun, judge},
    steps::STEPS,
};
use crate::{
    count::{
        attach::{load::Attached, plan::Probe},
        kernel::page_size::page_bytes,
        session::{orders::Waiting, page::Page},
        snapshot::{self, Sums},
    },
    metrics::Metric,
};

pub struct Subject<'a> {
    pub attached: &'a mut Attached,
    pub page: &'a Page,
    pub descriptor: BorrowedFd<'a>,
    /// Where the calibrator makes its files.
    pub directory: BorrowedFd<'a>,
    /// Type of that directory's file system.
    pub file_system: &'a str,
}

/// Tries twice before it refutes a probe, because the kernel may reclaim a page at the wrong moment.
pub fn calibrate(subject: &mut Subject<'_>, waiting: &Waiting, number: u64) -> Result<Calibration> {
    let probes = probes(subject.attached);
    let loader = &mut subject.attached.loader;
    let cross_checks: Vec<_> = CROSS_CHECKS
        .iter()
        .map(|cross_check| loader.attach_temporarily(cross_check.programs))
        .collect();
    let mut calibration = once(subject, waiting, number, &probes, &cross_checks)?;
    if calibration.refutes() {
        let first = std::mem::replace(
            &mut calibration,
            once(subject, waiting, 0, &probes, &cross_checks)?,
        );
        calibration.remember(&first);
    }
    subject.attached.loader.detach_temporary();
    Ok(calibration)
}

fn probes(attached: &Attached) -> BTreeMap<Metric, &'static Probe> {
    attached
        .metrics
        .iter()
        .filter_map(|chosen| Some((chosen.plan.metric, chosen.probe?)))
        .collect()
}

fn once(
    subject: &mut Subject<'_>,
    waiting: &Waiting,
    number: u64,
    probes: &BTreeMap<Metric, &'static Probe>,
    cross_checks: &[Result<(), String>],
) -> Result<Calibration> {
    let failed = waiting.calibrate(subject.descriptor, subject.directory, number)?;
    // Steps that finished before the calibrator was stopped still count.
    let runs = step_runs(subject, failed.as_deref())?;
    clear(subject)?;
    let site = CalibrationSite {
        file_system: subject.file_system,
        page_bytes: page_bytes() as u64,
        cross_checks,
    };
    Ok(judge(&runs, probes, site))
}

fn step_runs(subject: &Subject<'_>, failed: Option<&str>) -> Result<Vec<StepRun>> {
    let cells: Vec<usize> = (0..STEPS.len()).map(cell_of).collect();
    let rows = snapshot::read(&subject.attached.loader.ebpf, &cells)?;
    let shared = subject.page.shared();
    Ok(cells
        .iter()
        .zip(rows)
        .map(|(&number, roles)| {
            let cell = &shared.cells[number];
            if cell.state.load(Relaxed) != CELL_FINISHED {
                let errno = cell.work_operations.load(Relaxed) as i32;
                let reason = match failed {
                    Some(reason) if errno == 0 => reason.to_owned(),
                    _ => Errno::from_raw(errno).to_string(),
                };
                return StepRun::NotDone(reason);
            }
            let mut sums = Sums::default();
            for role in &roles {
                sums.add(role);
            }
            let faults = cell.minor_faults.load(Relaxed) + cell.major_faults.load(Relaxed);
            let sums = Box::new(sums);
            StepRun::Done { faults, sums }
        })
        .collect())
}

/// Clears the page and the counters for the lesson.
fn clear(subject: &mut Subject<'_>) -> Result<()> {
    subject.page.clear();
    snapshot::clear(&mut subject.attached.loader.ebpf, STEPS.len() + 1)
}
