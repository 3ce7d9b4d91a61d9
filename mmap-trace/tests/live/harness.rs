//! A test harness like libtest's, for tests that share one machine: they run one after another, and a
//! test that cannot run here says why instead of passing.

#![allow(clippy::print_stdout, reason = "it is what a test harness does")]

use std::{
    num::NonZeroU32,
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::Parser;

/// How often heavy tests repeat themselves, and how long they wait. In a VM (`xtask/src/vm`)
/// instructions cost many times as much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// On the machine itself.
    Native,
    /// In a kernel that QEMU runs.
    Vm,
}

impl Pace {
    /// The pace of this machine; xtask sets the variable in the guest.
    pub(crate) fn here() -> Self {
        match std::env::var_os("MMAP_TRACE_VM") {
            Some(_) => Pace::Vm,
            None => Pace::Native,
        }
    }

    /// The first value natively, the second in a VM.
    pub(crate) fn choose<T>(self, native: T, in_vm: T) -> T {
        match self {
            Pace::Native => native,
            Pace::Vm => in_vm,
        }
    }
}

/// What a test that did not fail says.
pub(crate) enum Outcome {
    /// It held.
    Passed,
    /// It cannot be tried here.
    Skipped(String),
}

/// A test: what it proves, and how.
pub(crate) type Test = (&'static str, fn() -> Result<Outcome>);

/// Where the tests of a subject run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// Natively and in every VM: the kernel decides what comes out.
    EveryKernel,
    /// Natively only: nothing in it depends on the kernel.
    HostOnly,
}

/// Tests that belong together.
pub(crate) struct Subject {
    /// What they are about.
    pub(crate) name: &'static str,
    /// Where they run.
    pub(crate) place: Where,
    /// The tests.
    pub(crate) tests: &'static [Test],
}

impl Subject {
    fn runs_at(&self, pace: Pace) -> bool {
        self.place == Where::EveryKernel || pace == Pace::Native
    }
}

/// Live tests: the real tracer on the real kernel, as root
#[derive(Parser)]
#[command(
    name = "live",
    override_usage = "cargo test --release -p mmap-trace --test live -- [OPTIONS] [TEXT]..."
)]
struct Options {
    /// Run only the tests whose name contains one of these texts
    #[arg(value_name = "TEXT")]
    texts: Vec<String>,
    /// Run only the tests whose whole name is one of these texts
    #[arg(long)]
    exact: bool,
    /// List the tests, run none
    #[arg(long)]
    list: bool,
    /// Run each test this often
    #[arg(long, value_name = "N", default_value = "1")]
    repeat: NonZeroU32,
    /// Accepted because `cargo test -- --nocapture` passes it: output is never captured
    #[arg(long)]
    nocapture: bool,
}

impl Options {
    fn want(&self, name: &str) -> bool {
        let matches = |text: &String| name == text || !self.exact && name.contains(text);
        self.texts.is_empty() || self.texts.iter().any(matches)
    }
}

/// Runs the tests that the command line asks for, among those that belong here.
pub(crate) fn run(subjects: &[Subject]) -> ExitCode {
    let options = Options::parse();
    let pace = Pace::here();
    let here = subjects.iter().filter(|subject| subject.runs_at(pace));
    let tests: Vec<&Test> = here.flat_map(|subject| subject.tests).collect();
    let chosen: Vec<&Test> = tests
        .iter()
        .copied()
        .filter(|(name, _)| options.want(name))
        .collect();
    if options.list {
        for (name, _) in &chosen {
            println!("{name}: test");
        }
        println!("\n{} tests, 0 benchmarks", chosen.len());
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len());
    if pace == Pace::Vm {
        announce_vm(subjects);
    }
    let mut tally = Tally::default();
    for test in &chosen {
        for round in 1..=options.repeat.get() {
            tally.run(test, round, options.repeat.get());
        }
    }
    tally.close(tests.len() - chosen.len())
}

/// Prints what is different in a VM.
fn announce_vm(subjects: &[Subject]) {
    println!("in a VM: randomised tests run with one seed, heavy ones with fewer repeats");
    let elsewhere = subjects.iter().filter(|subject| !subject.runs_at(Pace::Vm));
    let (count, names) = elsewhere.fold((0, Vec::new()), |(count, mut names), subject| {
        names.push(subject.name);
        (count + subject.tests.len(), names)
    });
    println!(
        "in a VM: {count} tests that depend on no kernel are left to the host: {}",
        names.join(", ")
    );
}

/// What has run so far.
struct Tally {
    begin: Instant,
    passed: usize,
    skipped: usize,
    failures: Vec<String>,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            begin: Instant::now(),
            passed: 0,
            skipped: 0,
            failures: Vec::new(),
        }
    }
}

impl Tally {
    fn run(&mut self, (name, test): &Test, round: u32, rounds: u32) {
        let name = match rounds {
            1 => (*name).to_owned(),
            _ => format!("{name} ({round} of {rounds})"),
        };
        let begin = Instant::now();
        match one(*test) {
            Ok(Outcome::Passed) => {
                println!("test {name} ... ok ({})", seconds(begin.elapsed()));
                self.passed += 1;
            }
            Ok(Outcome::Skipped(reason)) => {
                println!("test {name} ... skipped: {reason}");
                self.skipped += 1;
            }
            Err(error) => {
                // Printed at once, because a guest may not live to the end.
                println!("test {name} ... FAILED\n\n{error}\n");
                self.failures.push(name);
            }
        }
    }

    fn close(&self, filtered: usize) -> ExitCode {
        if !self.failures.is_empty() {
            println!("\nfailures:");
        }
        for name in &self.failures {
            println!("    {name}");
        }
        println!(
            "\ntest result: {}. {} passed; {} failed; {} ignored; 0 measured; {filtered} filtered out; \
             finished in {}\n",
            if self.failures.is_empty() {
                "ok"
            } else {
                "FAILED"
            },
            self.passed,
            self.failures.len(),
            self.skipped,
            seconds(self.begin.elapsed())
        );
        ExitCode::from(u8::from(!self.failures.is_empty()))
    }
}

fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}

/// Says what a test met while it ran.
pub(crate) fn tell(text: &str) {
    println!("{text}");
}

/// A panic is a failure of its own test only.
fn one(test: fn() -> Result<Outcome>) -> Result<Outcome, String> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(Outcome::Skipped(
            "counting in the kernel needs root".to_owned(),
        ));
    }
    match panic::catch_unwind(AssertUnwindSafe(test)) {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(error)) => Err(format!("{error:?}")),
        Err(payload) => Err(format!("panicked: {}", text_of(payload.as_ref()))),
    }
}

fn text_of(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("without a text")
}
