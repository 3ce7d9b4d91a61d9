//! A test harness like libtest's, for tests that share one machine: one after another, and a test that
//! cannot run here says why instead of passing.

#![allow(clippy::print_stdout, reason = "it is what a test harness does")]

use std::{
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    time::Instant,
};

use anyhow::Result;

/// How often heavy tests repeat themselves, and how long they wait. In a box (`xtask/src/kernels`)
/// instructions cost many times as much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// On the machine itself.
    Native,
    /// In a kernel that QEMU runs.
    Box,
}

impl Pace {
    /// Here; xtask sets the variable in the guest.
    pub(crate) fn here() -> Self {
        match std::env::var_os("MMAP_TRACE_BOX") {
            Some(_) => Pace::Box,
            None => Pace::Native,
        }
    }

    /// The first number natively, the second in a box.
    pub(crate) fn choose<T>(self, native: T, boxed: T) -> T {
        match self {
            Pace::Native => native,
            Pace::Box => boxed,
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
    /// Natively and in every box: the kernel decides what comes out.
    EveryKernel,
    /// Natively only: nothing of it depends on the kernel.
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

/// What the command line asks for.
struct Wanted {
    filters: Vec<String>,
    list: bool,
}

impl Wanted {
    /// The options of libtest that cargo and people pass; others mean nothing here.
    fn read(arguments: impl Iterator<Item = String>) -> Self {
        let mut wanted = Wanted {
            filters: Vec::new(),
            list: false,
        };
        for argument in arguments {
            match argument.as_str() {
                "--list" => wanted.list = true,
                option if option.starts_with('-') => {}
                _ => wanted.filters.push(argument),
            }
        }
        wanted
    }

    fn has(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter))
    }
}

/// Runs the tests that the command line asks for, of those that belong here.
pub(crate) fn run(subjects: &[Subject], arguments: impl Iterator<Item = String>) -> ExitCode {
    let wanted = Wanted::read(arguments);
    let pace = Pace::here();
    let here = subjects.iter().filter(|subject| subject.runs_at(pace));
    let tests: Vec<&Test> = here.flat_map(|subject| subject.tests).collect();
    let chosen: Vec<&Test> = tests
        .iter()
        .copied()
        .filter(|(name, _)| wanted.has(name))
        .collect();
    if wanted.list {
        for (name, _) in &chosen {
            println!("{name}: test");
        }
        println!("\n{} tests, 0 benchmarks", chosen.len());
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len());
    if pace == Pace::Box {
        announce_box(subjects);
    }
    let begin = Instant::now();
    let (mut passed, mut skipped) = (0, 0);
    let mut failures = Vec::new();
    for (name, test) in &chosen {
        match one(*test) {
            Ok(Outcome::Passed) => {
                println!("test {name} ... ok");
                passed += 1;
            }
            Ok(Outcome::Skipped(reason)) => {
                println!("test {name} ... skipped: {reason}");
                skipped += 1;
            }
            Err(text) => {
                // At once: a guest may not live to the end.
                println!("test {name} ... FAILED\n\n{text}\n");
                failures.push(*name);
            }
        }
    }
    close(
        tests.len() - chosen.len(),
        passed,
        skipped,
        &failures,
        begin,
    )
}

/// What is different there.
fn announce_box(subjects: &[Subject]) {
    println!("in a box: randomised tests run with one seed, heavy ones with fewer repeats");
    let elsewhere = subjects
        .iter()
        .filter(|subject| !subject.runs_at(Pace::Box));
    let (count, names) = elsewhere.fold((0, Vec::new()), |(count, mut names), subject| {
        names.push(subject.name);
        (count + subject.tests.len(), names)
    });
    println!(
        "in a box: {count} tests of no kernel's concern are left to the host: {}",
        names.join(", ")
    );
}

fn close(
    filtered: usize,
    passed: usize,
    skipped: usize,
    failures: &[&str],
    begin: Instant,
) -> ExitCode {
    if !failures.is_empty() {
        println!("\nfailures:");
    }
    for name in failures {
        println!("    {name}");
    }
    let verdict = if failures.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {} failed; {skipped} ignored; 0 measured; \
         {filtered} filtered out; finished in {:.2}s\n",
        failures.len(),
        begin.elapsed().as_secs_f64()
    );
    ExitCode::from(u8::from(!failures.is_empty()))
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
