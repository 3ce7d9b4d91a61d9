//! `cargo xtask run LESSON --kernel …`: the same tracer, the same output, another kernel.

use std::{
    env,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result, bail};
use mailbox::{Job, Kind};

use super::{
    guest::{self, Returned},
    initramfs::{self, Content, Program},
    lock, matrix, own, predictions,
    programs::Programs,
    request::{Request, Which},
    store::{self, Kernel},
};
use crate::{account::Builder, cache::Cache, run::ALL, say, workspace};

/// Instructions cost many times as much there; every bound of a lesson follows its size.
const SIZE: &str = "8MiB";

/// Where the guest's tracer writes the recording.
const RECORDING: &str = "/tmp/recording.json";

/// The tracer ends a lesson itself, after ten minutes unless told otherwise.
const LIMIT_SECONDS: u64 = 3600;

/// Variables that decide about colour and width.
const KEPT: &[&str] = &[
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLORTERM",
    "COLUMNS",
];

/// Everything that is the same for all kernels.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    /// The cache.
    pub(crate) cache: &'a Cache,
    /// QEMU and its like.
    pub(crate) programs: Programs<'a>,
    content: Content,
}

/// Runs the lesson of this id as `request` says.
pub(crate) fn run(lesson: &str, request: &Request, builder: &Builder) -> Result<ExitCode> {
    let cache = Cache::of_this_account()?;
    let mut prepared = Prepared::new(&cache, builder)?;
    prepared.content.predictions = predictions::before(lesson, request)?;
    match &request.which {
        Which::All if lesson == ALL => bail!(
            "kernels are compared lesson by lesson: give one lesson with --kernel all, \
             or all lessons with one kernel"
        ),
        Which::All => matrix::run(lesson, request, &prepared),
        Which::Series(series) => {
            let kernel = store::ensure(&cache, *series)?;
            one(lesson, request, &prepared, &kernel)
        }
        Which::Image { image, modules } => {
            let scratch = tempfile::tempdir().context("tempdir")?;
            let kernel = own::kernel(
                image,
                modules.as_deref(),
                scratch.path(),
                &prepared.programs,
            )?;
            one(lesson, request, &prepared, &kernel)
        }
    }
}

fn one(
    lesson: &str,
    request: &Request,
    prepared: &Prepared<'_>,
    kernel: &Kernel,
) -> Result<ExitCode> {
    let output = request.output.as_deref().map(Output::open).transpose()?;
    let returned = prepared.trace(lesson, &request.options, kernel, pass_on)?;
    if let Some(output) = output {
        output.write(&returned.file)?;
    }
    Ok(u8::try_from(returned.code).map_or(ExitCode::FAILURE, ExitCode::from))
}

impl<'a> Prepared<'a> {
    /// With what cargo has built.
    fn new(cache: &'a Cache, builder: &Builder) -> Result<Self> {
        let release = workspace::target_dir()?.join("release");
        Ok(Self {
            cache,
            programs: Programs::new(cache),
            content: Content {
                init: init(builder)?,
                programs: tracer_and_lessons(&release)?,
                files: Vec::new(),
                predictions: None,
            },
        })
    }

    /// Runs the tracer in `kernel`; its output goes to `output` as it comes.
    pub(crate) fn trace(
        &self,
        lesson: &str,
        options: &[OsString],
        kernel: &Kernel,
        output: impl FnMut(Kind, &[u8]),
    ) -> Result<Returned> {
        let mut job = job(lesson, options)?;
        if self.content.predictions.is_some() {
            let words = ["--predict", initramfs::PREDICTIONS];
            job.command.extend(words.map(str::to_owned));
        }
        announce(kernel, options, &self.programs)?;
        let initramfs = initramfs::build(kernel, &self.content)?;
        guest::run(kernel, &job, &self.programs, &initramfs, output)
    }
}

/// PID 1, built as this program was built, so that nothing else is built anew.
pub(crate) fn init(builder: &Builder) -> Result<PathBuf> {
    let target = workspace::target_dir()?;
    let folder = env::current_exe().context("current_exe()")?;
    let folder = folder.parent().unwrap_or(&target).to_path_buf();
    let mut tool = workspace::cargo(builder)?.args(["build", "--quiet", "-p", "xtask"]);
    tool = tool.args(["--bin", "xtask-guest"]);
    if folder.ends_with("release") {
        tool = tool.arg("--release");
    }
    tool.capture()?.require()?;
    Ok(folder.join("xtask-guest"))
}

/// Whatever `lessons` has built: a lesson is found by its name beside the tracer.
pub(crate) fn tracer_and_lessons(release: &Path) -> Result<Vec<Program>> {
    let entries =
        fs::read_dir(release).with_context(|| format!("read_dir({})", release.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            let number = name.strip_prefix("lesson-").unwrap_or_default();
            name == "mmap-trace"
                || (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        })
        .collect();
    names.sort();
    Ok(names
        .into_iter()
        .map(|name| Program {
            from: release.join(&name),
            name,
        })
        .collect())
}

fn job(lesson: &str, options: &[OsString]) -> Result<Job> {
    let mut command = ["/usr/bin/mmap-trace", "run", lesson, "--output", RECORDING]
        .map(str::to_owned)
        .to_vec();
    for option in options {
        match option.to_str() {
            Some(option) => command.push(option.to_owned()),
            None => bail!("{} is not UTF-8", option.display()),
        }
    }
    if !has(options, "--size") {
        command.extend(["--size".to_owned(), SIZE.to_owned()]);
    }
    // The guest's streams are no terminals, and ours may be.
    if !has(options, "--color") && io::stdout().is_terminal() {
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && env::var_os("TERM").is_none_or(|value| value != "dumb");
        command.extend(["--color", if wanted { "always" } else { "never" }].map(str::to_owned));
    }
    let environment = KEPT
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), env::var(name).ok()?)))
        .collect();
    Ok(Job {
        command,
        environment,
        collect: Some(RECORDING.to_owned()),
        limit_seconds: LIMIT_SECONDS,
    })
}

pub(crate) fn has(options: &[OsString], name: &str) -> bool {
    options.iter().any(|option| {
        let option = option.to_string_lossy();
        option == name
            || option
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('='))
    })
}

fn announce(kernel: &Kernel, options: &[OsString], programs: &Programs<'_>) -> Result<()> {
    say::note(format_args!(
        "Linux {} in a box: QEMU {}, 2 CPUs, ext4 on virtio-blk",
        kernel.version,
        programs.qemu_version()?
    ));
    if let Some(stamp) = &kernel.stamp {
        let sum = stamp.sha256.get(..16).unwrap_or(&stamp.sha256);
        say::note(format_args!("{}, sha256 {sum}…", stamp.package));
        if let Some(notice) = lock::notice(&kernel.name, &stamp.version)? {
            say::note(notice);
        }
    }
    if !has(options, "--size") {
        say::note(format_args!(
            "the lesson's data is {SIZE} there; --size changes it"
        ));
    }
    Ok(())
}

/// To the stream of the same name. A reader that went away is no reason to stop.
pub(crate) fn pass_on(kind: Kind, bytes: &[u8]) {
    let _ = match kind {
        Kind::Stderr => io::stderr().write_all(bytes),
        _ => io::stdout()
            .write_all(bytes)
            .and_then(|()| io::stdout().flush()),
    };
}

/// A file for the recording, opened before the boot so that a bad path fails at once.
struct Output {
    path: PathBuf,
    file: File,
    created: bool,
}

impl Output {
    fn open(path: &Path) -> Result<Self> {
        let created = !path.exists();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .with_context(|| format!("cannot write the recording to {}", path.display()))?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            created,
        })
    }

    /// A run without a recording leaves the file as it was.
    fn write(mut self, recording: &[u8]) -> Result<()> {
        if recording.is_empty() {
            return Ok(());
        }
        self.created = false;
        self.file
            .set_len(0)
            .or_else(|_| self.file.sync_data())
            .and_then(|()| self.file.write_all(recording))
            .with_context(|| format!("cannot write the recording to {}", self.path.display()))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.created {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(options: &[&str]) -> Vec<String> {
        let options: Vec<OsString> = options.iter().map(OsString::from).collect();
        job("lesson-3", &options).unwrap().command
    }

    #[test]
    fn the_boxs_size_is_small_unless_another_is_given() {
        assert!(words(&[]).ends_with(&["--size".to_owned(), SIZE.to_owned()]));
        assert_eq!(
            words(&["--size", "64MiB"])
                .iter()
                .filter(|word| *word == "--size")
                .count(),
            1
        );
        assert!(!words(&["--size=64MiB"]).contains(&"--size".to_owned()));
    }

    #[test]
    fn a_recording_that_never_came_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.json");
        Output::open(&path).unwrap().write(b"").unwrap();
        assert!(!path.exists());
        Output::open(&path).unwrap().write(b"{}").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "{}");
    }
}
