//! Traces one program from beginning to end: fork, attach, calibrate, release, wait, settle, read.

use std::{
    ffi::CString,
    fs::File,
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
    rc::Rc,
    sync::atomic::Ordering::Relaxed,
    time::Duration,
};

use super::{
    attach::{
        choose::{Forced, choose},
        load::{self, Attached, Chosen, KernelLog},
    },
    calibration::{
        calibrate::{self, Subject},
        calibrator,
        judge::Calibration,
    },
    kernel::{
        btf::Btf, disk::Disk, facts, page_size::page_bytes, page_tables::physical_bits,
        symbols::CopyCode,
    },
    losses,
    session::{
        attend::Attendant,
        child::{self, Image, Launch},
        guardian::Guardian,
        kernel_log::LogReader,
        membership,
        page::{Marks, Page, set_name},
        privileges::CannotCount,
        wait::{self, End, OnSignal},
    },
    skips::{Misses, Skips},
    snapshot::{self, CellSums},
};
use anyhow::{Context as _, Result, bail};
use aya::maps::Map;
use mmap_trace_ebpf::{
    offsets::{Injected, PARAMETERS, Parameter},
    session::CELL_FINISHED,
    tables::{CONTROL_ARMED, CONTROL_ENDING},
};

/// Name of a command's only scenario.
pub const COMMAND_SCENARIO: &str = "exec";

pub struct Job {
    pub launch: Launch,
    /// The command as the user typed it, for messages.
    pub shown: String,
    /// The file system whose device and writeback are counted.
    pub disk: Disk,
    /// Where the calibration makes its files: the work directory, or the one in which a command runs.
    pub directory: OwnedFd,
    /// Probes given by `--force-probe`.
    pub forced: Forced,
    pub sampling: Sampling,
    /// A mistake for the kernel programs to make, in a test of the calibration.
    pub injected: Injected,
    pub log: KernelLog,
    /// The time limit of a lesson; of a command, how long to follow its descendants at most.
    pub limit: Option<Duration>,
    /// What becomes of a command's descendants.
    pub descendants: Descendants,
    /// How long to wait, at most, until every dirtied page is written back or discarded.
    pub settle: Option<Duration>,
}

/// Whether the processes that a command leaves behind are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descendants {
    /// The count ends with the command.
    Left,
    /// The count ends with the last of them.
    Followed,
}

/// Whether a run samples the CPU, which costs ten thousand interrupts a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    Off,
    On,
}

impl Sampling {
    #[must_use]
    pub fn needed(is_needed: bool) -> Self {
        if is_needed {
            Sampling::On
        } else {
            Sampling::Off
        }
    }
}

/// What a traced program did, as counted.
pub struct Traced {
    pub chosen: Vec<Chosen>,
    /// Scenarios and rounds as the lesson marked them; the tracer marks those of a command.
    pub marks: Marks,
    pub rows: Vec<CellSums>,
    /// io_uring rings that a kernel thread polls and whose requests no program sees, including those made outside
    /// of all scenarios.
    pub polled_rings: u64,
    /// The result of the calibration before the run.
    pub calibration: Calibration,
    /// Runs of programs that the kernel skipped and no backup made up for.
    pub misses: Misses,
    /// Threads that the kernel programs had no place for.
    pub untraced_threads: u64,
    /// Processes of a command that were still running when the count ended.
    pub still_running: u64,
    pub end: End,
}

/// Runs the program and counts. When this returns, nothing stays attached in the kernel.
pub fn trace(job: &Job) -> Result<Traced> {
    let is_command = matches!(job.launch.image, Image::Command(_));
    let waiting = child::fork_waiting(&job.launch, calibrator::run)?;
    let mut attached = attach(job).context(CannotCount::Refused)?;
    let before = Skips::until_now(&attached.loader.ebpf)?;
    let number = membership::draw_number(&mut attached.loader)?;
    let Some(Map::Array(session)) = attached.loader.ebpf.take_map("SESSION") else {
        bail!("the eBPF object has no array map SESSION");
    };
    let page = Rc::new(Page::open(session.fd())?);
    let runtime = wait::runtime()?;
    let mut log = {
        let _entered = runtime.enter();
        LogReader::open(&mut attached, job.log)?
    };
    let calibration = calibrate::calibrate(
        &mut Subject {
            attached: &mut attached,
            page: &page,
            descriptor: session.fd().as_fd(),
            directory: job.directory.as_fd(),
            file_system: &job.disk.file_system,
        },
        &waiting,
        number,
    )?;
    let (end, still_running) = if is_command {
        begin_at_exec(&mut attached, &page)?;
        let guardian = waiting.release(None, &job.shown)?;
        runtime.block_on(command(guardian, job, &page, &mut log))?
    } else {
        // The lesson may ask at once.
        let attendant = Attendant::new(&page, waiting.guardian.pid());
        let guardian = waiting.release(Some(session.fd().as_fd()), &job.shown)?;
        let limit = job.limit;
        let wait = wait::wait_for(&guardian, limit, OnSignal::Stop, &mut log, Some(attendant));
        let end = runtime.block_on(wait)?;
        attached
            .loader
            .control(CONTROL_ENDING, 1)
            .context("tell the kernel programs that the run ends")?;
        guardian.kill_all()?;
        (end, 0)
    };
    log.drain();
    if let Some(limit) = job.settle {
        let is_settled = || Ok(snapshot::outstanding_pages(&attached.loader.ebpf)? == 0);
        runtime.block_on(wait::settle(limit, is_settled))?;
    }
    let mut traced = read_counts(attached, &page, &before, calibration, end)?;
    traced.still_running = still_running;
    Ok(traced)
}

/// Waits for a command, and for its descendants if the job says so. Returns also how many of them go on.
async fn command(
    guardian: Guardian,
    job: &Job,
    page: &Page,
    log: &mut LogReader,
) -> Result<(End, u64)> {
    let end = wait::wait_for(&guardian, None, OnSignal::Forward, log, None).await?;
    if job.descendants == Descendants::Followed {
        wait::follow(&guardian, job.limit, log).await?;
    }
    finish_command(page);
    let still_running = guardian.count()?;
    guardian.dismiss()?;
    Ok((end, still_running))
}

fn read_counts(
    attached: Attached,
    page: &Page,
    before: &Skips,
    calibration: Calibration,
    end: End,
) -> Result<Traced> {
    let ebpf = &attached.loader.ebpf;
    let marks = page.marks();
    let cells: Vec<usize> = marks.cells.iter().map(|cell| cell.number).collect();
    let rows = snapshot::read(ebpf, &cells)?;
    let outside = snapshot::read(ebpf, &[0])?;
    Ok(Traced {
        calibration,
        misses: before.misses_since(ebpf)?,
        chosen: attached.metrics,
        marks,
        polled_rings: losses::polled_rings(outside.iter().chain(&rows)),
        untraced_threads: losses::untraced_threads(outside.iter().chain(&rows)),
        rows,
        still_running: 0,
        end,
    })
}

fn attach(job: &Job) -> Result<Attached> {
    let btf = Btf::of_this_kernel().context(
        "this kernel does not describe its types (BTF), so the tracer cannot find the fields that it reads. \
         Use a kernel with CONFIG_DEBUG_INFO_BTF=y, as those of Debian, Ubuntu, Fedora and Arch, or run \
         another one in a VM: cargo xtask run LESSON --kernel 6.12",
    )?;
    let mut facts = facts::gather(&btf, job.disk.clone());
    if job.sampling == Sampling::On {
        facts.copy_code = CopyCode::of_this_kernel();
    }
    facts.preempts_programs |= job.injected == Injected::PrimarySkips;
    let mut parameters = [0; PARAMETERS];
    parameters[Parameter::BlockDevice as usize] = job.disk.device.unwrap_or(0);
    parameters[Parameter::ODirect as usize] = libc::O_DIRECT as u32;
    parameters[Parameter::PageBytes as usize] = page_bytes() as u32;
    parameters[Parameter::Injected as usize] = job.injected as u32;
    parameters[Parameter::PhysicalBits as usize] = physical_bits().unwrap_or(0);
    parameters[Parameter::Preemptible as usize] = u32::from(facts.preempts_programs);
    let choices = choose(&facts, &job.forced);
    load::load(&btf, facts, choices, parameters, job.log)
}

/// A command marks no scenarios: its only one begins when it has been executed.
fn begin_at_exec(attached: &mut Attached, page: &Page) -> Result<()> {
    let shared = page.shared();
    set_name(&shared.scenario_names[0], COMMAND_SCENARIO);
    shared.command.store(1, Relaxed);
    shared.scenario_count.store(1, Relaxed);
    shared.cell_count.store(1, Relaxed);
    attached
        .loader
        .control(CONTROL_ARMED, 1)
        .context("arm the exec program")
}

fn finish_command(page: &Page) {
    let cell = &page.shared().cells[1];
    page.shared().slots[0].cell.store(0, Relaxed);
    cell.end_ns.store(monotonic_ns(), Relaxed);
    if cell.state.load(Relaxed) != 0 {
        cell.state.store(CELL_FINISHED, Relaxed);
    }
}

/// The clock that `bpf_ktime_get_ns` reads.
fn monotonic_ns() -> u64 {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).map_or(0, |now| {
        now.tv_sec().cast_unsigned() * 1_000_000_000 + now.tv_nsec().cast_unsigned()
    })
}

/// Fails if the text contains a zero byte.
pub fn c_string(text: impl Into<Vec<u8>>) -> Result<CString> {
    CString::new(text).context("an argument contains a zero byte")
}

pub fn open_directory(path: &Path) -> Result<OwnedFd> {
    let file = File::open(path).with_context(|| format!("open({})", path.display()))?;
    Ok(file.into())
}
