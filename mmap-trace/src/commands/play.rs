//! Runs a lesson's program, and repeats that if the kernel skipped kernel programs.

use std::{
    ffi::CString,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow};
use mmap_trace_ebpf::{offsets::Injected, session::SESSION_FD_ENV};
use nix::unistd::geteuid;

use super::notice::say;
use crate::{
    cli::RunArgs,
    count::{
        attach::{choose::Forced, load::KernelLog},
        kernel::{accounts, disk::Disk, fault_around, page_size::page_bytes},
        session::{
            child::{Image, Launch, PAGE_DESCRIPTOR, Stdout},
            clock,
            fence::{self, Fence},
            identity::Identity,
            image,
            tree::Remains,
            work_dir::{self, Swept, WorkDir},
        },
        trace::{self, Job, Sampling, Traced, c_string, open_directory},
        unprivileged,
    },
    course::lesson::file::LessonFile,
    metrics::Metric,
    record::Instrument,
};

/// How often a lesson runs at most because the kernel skipped a program and its backup at one event
/// (`mmap_trace_ebpf::backups`). On an idle machine that is rare. In an emulated VM whose host is busy it
/// affects up to every third run, so three runs were too few.
const PLAYS: u32 = 6;

/// The largest lesson keeps this many files of its size, and some spare room.
const DATA_FILES: u64 = 4;

/// What a lesson is played with.
pub(super) struct Player<'a> {
    pub args: &'a RunArgs,
    pub file: &'a LessonFile,
    pub binary: &'a OwnedFd,
    pub identity: &'a Identity,
    pub instrument: Instrument,
    pub forced: Forced,
}

/// The result of a play.
pub(super) struct Played {
    pub traced: Traced,
    pub disk: Disk,
    pub size_bytes: u64,
    /// Measured on the disk of the work directory; `None` if that failed.
    pub fault_around_bytes: Option<u64>,
    pub started_at: String,
}

impl Player<'_> {
    /// Runs the lesson until no program was skipped, at most [`PLAYS`] times; the recording of the last run
    /// declares what is missing.
    pub(super) fn play(&self) -> Result<Played> {
        let parent = self.parent();
        for Swept { path, remains } in work_dir::sweep(&parent, self.identity) {
            let shown = path.display();
            match remains.first {
                None => say(format_args!(
                    "note: removed {shown}, which a killed run left behind"
                )),
                Some(_) => tell_remains("a killed run", &path, &remains),
            }
        }
        for number in 2..=PLAYS {
            let played = self.play_once(&parent)?;
            let misses = played
                .traced
                .misses
                .iter()
                .filter(|(_, missed)| **missed > 0);
            let skipped: Vec<_> = misses.map(|(name, n)| format!("{name} ({n})")).collect();
            if skipped.is_empty() || played.traced.end.problem().is_some() {
                return Ok(played);
            }
            say(format_args!(
                "note: the kernel skipped programs of the tracer: {}; counts would be missing, so the \
                 lesson runs again ({number} of {PLAYS})",
                skipped.join(", ")
            ));
        }
        self.play_once(&parent)
    }

    fn parent(&self) -> PathBuf {
        let given = self.args.common.work_dir.clone();
        given.unwrap_or_else(|| PathBuf::from(work_dir::DEFAULT_PARENT))
    }

    fn play_once(&self, parent: &Path) -> Result<Played> {
        let common = &self.args.common;
        let mut work = WorkDir::create(parent, self.identity)?;
        let size_bytes = match self.args.size {
            Some(bytes) => bytes,
            None => self.file.size_bytes()?,
        };
        work.require_space(size_bytes)?;
        self.provide_file_system(&mut work, size_bytes);
        let job = Job {
            launch: self.launch(&work, size_bytes)?,
            shown: self.file.lesson.id.clone(),
            disk: work.disk.clone(),
            directory: open_directory(&work.opened())?,
            forced: self.forced.clone(),
            sampling: Sampling::needed(self.file.names(Metric::CpuSamples)),
            injected: common.inject.map_or(Injected::Nothing, Injected::from),
            log: KernelLog::wanted(common.kernel_log),
            limit: Some(self.args.timeout),
            descendants: trace::Descendants::Left,
            settle: common.settle,
        };
        let fault_around_bytes = fault_around::measure(&work.opened(), page_bytes()).ok();
        let started_at = clock::now();
        let traced = match self.instrument {
            Instrument::Ebpf => trace::trace(&job),
            Instrument::Unprivileged => unprivileged::run(&job),
        };
        tell_remains("the lesson", work.path(), &work.empty());
        Ok(Played {
            traced: traced?,
            disk: job.disk,
            size_bytes,
            fault_around_bytes,
            started_at,
        })
    }

    /// What one process can spend on all CPUs until the time limit, rounded up.
    fn cpu_seconds(&self) -> u64 {
        let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u64);
        cpus.saturating_mul(self.args.timeout.as_secs().saturating_add(1))
    }

    /// Gives the lesson an image where the work directory has a file system that cannot decide all its claims.
    fn provide_file_system(&self, work: &mut WorkDir, size_bytes: u64) {
        let wanted = &self.file.lesson.file_systems;
        if wanted.is_empty() || wanted.contains(&work.disk.file_system) {
            return warn_about(&work.disk);
        }
        let found = work.disk.file_system.clone();
        let provided = if self.instrument == Instrument::Unprivileged {
            Err(anyhow!("mounting it needs root"))
        } else if wanted.iter().any(|it| it == image::FILE_SYSTEM) {
            work.become_image(size_bytes.saturating_mul(DATA_FILES), self.identity)
        } else {
            Err(anyhow!("the tracer makes {} only", image::FILE_SYSTEM))
        };
        if let Err(error) = provided {
            say(format_args!(
                "note: the work directory is on {found}, but only {} can decide every claim of this lesson, \
                 and there is no image of it: {error:#}; give a directory on another disk with --work-dir DIR",
                wanted.join(" or ")
            ));
            warn_about(&work.disk);
        }
    }

    fn launch(&self, work: &WorkDir, size_bytes: u64) -> Result<Launch> {
        let args = self.args;
        let mut arguments = vec![
            "lesson".to_owned(),
            "--directory".to_owned(),
            ".".to_owned(),
            "--size".to_owned(),
            size_bytes.to_string(),
        ];
        if let Some(only) = &args.only {
            arguments.extend(["--only".to_owned(), only.clone()]);
        }
        for (is_given, option) in [(args.empty, "--empty"), (args.no_wait, "--no-wait")] {
            if is_given {
                arguments.push(option.to_owned());
            }
        }
        Ok(Launch {
            image: Image::Lesson(self.binary.try_clone().context("dup()")?),
            arguments: arguments.into_iter().map(c_string).collect::<Result<_>>()?,
            environment: environment(work.path())?,
            directory: Some(open_directory(&work.opened())?),
            identity: geteuid().is_root().then(|| self.identity.clone()),
            // The tracer prints its result to standard output.
            stdout: Stdout::ToStderr,
            fence: Fence::Lesson,
            limits: fence::limits(
                accounts::tasks(self.identity.uid).unwrap_or_default(),
                size_bytes,
                self.cpu_seconds(),
            ),
        })
    }
}

/// Says what cannot be removed of what somebody left in a work directory.
fn tell_remains(who: &str, directory: &Path, remains: &Remains) {
    let Some((name, errno)) = &remains.first else {
        return;
    };
    say(format_args!(
        "warning: {who} left {} entries in {shown} that the tracer cannot remove, the first of them {name}: {errno}. \
         They take up space until you remove them with: chattr -R -f -i -a {shown}; rm -r {shown}",
        remains.entries,
        shown = directory.display(),
    ));
}

fn warn_about(disk: &Disk) {
    if disk.is_in_memory() {
        say(format_args!(
            "note: the work directory is on {}, which is memory: nothing reaches a disk",
            disk.file_system
        ));
    }
}

/// The environment of a lesson, which is the same on every machine.
fn environment(work: &Path) -> Result<Vec<CString>> {
    [
        format!("{SESSION_FD_ENV}={PAGE_DESCRIPTOR}"),
        "PATH=/usr/local/bin:/usr/bin:/bin".to_owned(),
        "LANG=C.UTF-8".to_owned(),
        format!("HOME={}", work.display()),
    ]
    .into_iter()
    .map(c_string)
    .collect()
}
