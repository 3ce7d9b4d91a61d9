//! The tracer's side: lets the calibrator work, reads what was counted, judges, and clears the traces.

use std::{collections::BTreeMap, os::fd::BorrowedFd, sync::atomic::Ordering::Relaxed};

use anyhow::Result;
use mmap_trace_ebpf::session::CELL_FINISHED;
use nix::errno::Errno;

use super::{
    calibrator::cell_of,
    cross_check::CROSS_CHECKS,
    judge::{Calibration, CalibrationSite, StepOutcome, judge},
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

/// What is calibrated, and where.
pub struct Subject<'a> {
    /// Attached programs.
    pub attached: &'a mut Attached,
    /// The session page.
    pub page: &'a Page,
    /// The same, as a descriptor.
    pub descriptor: BorrowedFd<'a>,
    /// Where files are made.
    pub directory: BorrowedFd<'a>,
    /// File system of that directory.
    pub file_system: &'a str,
}

/// Tries twice: a page that the kernel reclaims at the wrong moment must not refute anything.
pub fn calibrate(subject: &mut Subject<'_>, waiting: &Waiting, number: u64) -> Result<Calibration> {
    let probes = probes(subject.attached);
    let loader = &mut subject.attached.loader;
    let cross_checks: Vec<_> = CROSS_CHECKS
        .iter()
        .map(|cross_check| loader.attach_for_now(cross_check.programs))
        .collect();
    let mut calibration = once(subject, waiting, number, &probes, &cross_checks)?;
    if calibration.refutes() {
        let first = std::mem::replace(
            &mut calibration,
            once(subject, waiting, 0, &probes, &cross_checks)?,
        );
        calibration.remember(&first);
    }
    subject.attached.loader.detach_guests();
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
    // What it had done before it was ended stays known.
    let outcomes = outcomes(subject, failed.as_deref())?;
    clear(subject)?;
    let place = CalibrationSite {
        file_system: subject.file_system,
        page_bytes: page_bytes() as u64,
        cross_checks,
    };
    Ok(judge(&outcomes, probes, place))
}

fn outcomes(subject: &Subject<'_>, failed: Option<&str>) -> Result<Vec<StepOutcome>> {
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
                return StepOutcome::NotDone(reason);
            }
            let mut sums = Sums::default();
            for role in &roles {
                sums.add(role);
            }
            let faults = cell.minor_faults.load(Relaxed) + cell.major_faults.load(Relaxed);
            let sums = Box::new(sums);
            StepOutcome::Done { faults, sums }
        })
        .collect())
}

/// The lesson finds page and counters as if nothing had been.
fn clear(subject: &mut Subject<'_>) -> Result<()> {
    subject.page.clear();
    snapshot::clear(&mut subject.attached.loader.ebpf, STEPS.len() + 1)
}
