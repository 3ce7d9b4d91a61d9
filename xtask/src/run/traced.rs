//! One run of the tracer in a VM.

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
};

use anyhow::{Result, bail};
use mailbox::{Job, Kind};

use super::options::Given;
use crate::{
    cache::Cache,
    say,
    vm::{
        boot::{self, Returned},
        guest_programs,
        initramfs::{self, Content},
        lock,
        programs::Programs,
        store::Kernel,
    },
};

/// Emulated instructions are slow, and everything in a lesson grows with the size of its data.
const SIZE: &str = "8MiB";

/// Where the guest's tracer writes the recording.
const RECORDING: &str = "/tmp/recording.json";

/// The tracer itself ends a lesson, by default after ten minutes.
const LIMIT_SECONDS: u64 = 3600;

/// The tracer's options that name files of the host, and `--no-predict`: a guest never asks questions.
const ON_HOST: [&str; 4] = ["output", "html", "predict", "no_predict"];

/// Variables that decide about colour and width.
const KEPT: &[&str] = &[
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLORTERM",
    "COLUMNS",
];

#[derive(Debug)]
pub(super) struct Prepared<'a> {
    pub(super) cache: &'a Cache,
    pub(super) programs: Programs<'a>,
    pub(super) given: &'a Given<'a>,
    content: Content,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(
        cache: &'a Cache,
        given: &'a Given<'a>,
        predictions: Option<Vec<u8>>,
    ) -> Result<Self> {
        Ok(Self {
            cache,
            programs: Programs::new(cache),
            given,
            content: Content {
                predictions,
                ..guest_programs::content()?
            },
        })
    }

    /// Runs the tracer in `kernel`; its output goes to `output` as it comes.
    pub(super) fn trace(
        &self,
        lesson: &str,
        kernel: &Kernel,
        mut output: impl FnMut(Kind, &[u8]),
    ) -> Result<Returned> {
        let mut job = job(lesson, self.given)?;
        if self.content.predictions.is_some() {
            let words = ["--predict", initramfs::PREDICTIONS];
            job.command.extend(words.map(str::to_owned));
        }
        announce(kernel, self.given, &self.programs)?;
        let initramfs = initramfs::build(kernel, &self.content)?;
        let text = format!("run {lesson} in Linux {}", kernel.name);
        say::step_with(text, |step| {
            let output = |kind, bytes: &[u8]| step.make_room(|| output(kind, bytes));
            boot::run(kernel, &job, &self.programs, &initramfs, output)
        })
    }
}

fn job(lesson: &str, given: &Given<'_>) -> Result<Job> {
    let mut command = ["/usr/bin/mmap-trace", "run", lesson, "--output", RECORDING]
        .map(str::to_owned)
        .to_vec();
    for word in given.words(&ON_HOST) {
        match word.to_str() {
            Some(word) => command.push(word.to_owned()),
            None => bail!("{} is not UTF-8", word.display()),
        }
    }
    if !given.has("size") {
        command.extend(["--size", SIZE].map(str::to_owned));
    }
    // The guest's streams are not terminals, and ours may be.
    if !given.has("color") && io::stdout().is_terminal() {
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && env::var_os("TERM").is_none_or(|value| value != "dumb");
        command.extend(["--color".to_owned(), Given::color(wanted)]);
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

fn announce(kernel: &Kernel, given: &Given<'_>, programs: &Programs<'_>) -> Result<()> {
    say::note(format_args!(
        "Linux {} in a VM: QEMU {}, 2 CPUs, ext4 on virtio-blk",
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
    if !given.has("size") {
        say::note(format_args!(
            "in a VM a lesson works on {SIZE}; --size changes that"
        ));
    }
    Ok(())
}

/// Writes to the stream of the same name. A reader that went away is no reason to stop.
pub(crate) fn pass_on(kind: Kind, bytes: &[u8]) {
    let _ = match kind {
        Kind::Stderr => io::stderr().write_all(bytes),
        _ => io::stdout()
            .write_all(bytes)
            .and_then(|()| io::stdout().flush()),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::options;

    fn words(options: &[&str]) -> Vec<String> {
        let command = options::add_run(clap::Command::new("run"));
        let words = [&["run", "lesson-3"], options].concat();
        let matches = command.try_get_matches_from(words).unwrap();
        job("lesson-3", &Given::for_run(&matches)).unwrap().command
    }

    #[test]
    fn lessons_in_a_vm_work_on_little_data_unless_a_size_is_given() {
        assert!(words(&[]).ends_with(&["--size".to_owned(), SIZE.to_owned()]));
        let given = words(&["--size", "64MiB"]);
        assert_eq!(given.iter().filter(|word| *word == "--size").count(), 1);
    }

    #[test]
    fn files_of_the_host_stay_on_the_host() {
        let words = words(&["--output", "x.json", "--html", "x.html", "--details"]);
        assert!(words.contains(&"--details".to_owned()));
        assert!(
            !words.iter().any(|word| word.starts_with("x.")),
            "{words:?}"
        );
    }
}
