//! What the library promises to every lesson, tested with a lesson made for that purpose.

mod common;

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Summary, entries, fail, probe, scratch, succeed};
use mmap_trace_ebpf::session::PERTURBED;
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::unistd::Pid;

fn only(name: &str) -> Summary {
    succeed(probe().args(["--only", name]))
}

#[test]
fn an_empty_body_takes_no_fault_in_a_hundred_rounds() {
    let row = &only("nothing-hundred-times")["nothing-hundred-times"];
    assert_eq!((row.rounds, row.faults()), (100, 0));
}

#[test]
fn the_null_scenario_takes_no_fault_in_a_hundred_runs() {
    for _ in 0..100 {
        assert_eq!(only("null")["null"].faults(), 0);
    }
}

#[test]
fn code_and_data_are_present_before_the_first_scenario() {
    let observed = &only("own-memory")["own-memory"].observed;
    assert!(observed["own_bytes"] > 1 << 20, "{observed:?}");
    assert_eq!(observed["absent_bytes"], 0);
}

#[test]
fn reading_into_a_touched_buffer_takes_no_fault() {
    let row = &only("preads")["preads"];
    assert_eq!((row.rounds, row.operations), (100, 100_000));
    assert_eq!((row.work_bytes, row.faults()), (100_000 * 4096, 0));
}

#[test]
fn a_fork_costs_the_next_round_nothing() {
    let row = &only("after-fork")["after-fork"];
    assert_eq!(row.rounds, 20);
    assert_eq!(row.observed["faults_after"], 0);
    assert!(
        row.faults() > 0,
        "the child's own faults belong to the round"
    );
}

#[test]
fn children_are_joined_and_accounted_in_their_scenario() {
    let row = &only("pipe")["pipe"];
    assert_eq!(row.work_bytes, 1024);
    assert!(row.faults() >= 64, "{row:?}");
}

#[test]
fn a_child_of_another_scenario_is_accounted_there() {
    let summary = only("overlap");
    assert!(summary["other"].faults() >= 64, "{summary:?}");
    let both = summary["overlap"].faults() + summary["other"].faults();
    assert!(summary["overlap"].faults() < both - 64, "{summary:?}");
}

#[test]
fn a_failure_is_reported_once_with_its_exit_code() {
    for (name, said) in [
        ("child-fails", "the sender ended with exit code 1"),
        ("child-is-killed", "the sender was killed by SIGKILL"),
        ("child-lives-on", "the writer was not killed"),
        ("fails", "on purpose"),
        (
            "too-many-rounds",
            "the session page has room for 511 rounds",
        ),
        (
            "too-many-children",
            "more than 15 processes in one scenario",
        ),
    ] {
        let told = fail(probe().args(["--only", name]), 1);
        assert_eq!(told.matches(said).count(), 1, "{told}");
    }
}

#[test]
fn a_crash_is_reported_with_its_signal() {
    let told = fail(
        probe().args(["--only", "crashes"]),
        128 + Signal::SIGABRT as i32,
    );
    assert!(told.contains("killed by SIGABRT"), "{told}");
}

#[test]
fn a_failing_lesson_leaves_no_files() {
    for name in ["fails", "crashes", "panics", "child-fails", "null"] {
        let place = scratch();
        let mut command = probe();
        command
            .args(["--only", name, "--directory"])
            .arg(place.path());
        let _ = command.output().expect("it starts");
        assert_eq!(entries(place.path()), Vec::<PathBuf>::new(), "{name}");
    }
}

#[test]
fn an_interrupted_lesson_leaves_no_files_and_no_processes() {
    for sent in ENDING {
        let place = scratch();
        let mut command = probe();
        command
            .args(["--only", "sleeps", "--directory"])
            .arg(place.path());
        let mut lesson = start_sleeping(with_default_signals(&mut command), &place);
        let processes = processes_with_argument(&place);
        kill(Pid::from_raw(lesson.id().cast_signed()), sent).expect("it is alive");
        let status = lesson.wait().expect("it ends");
        assert_eq!(status.signal(), Some(sent as i32), "{status}");
        assert_eq!(entries(place.path()), Vec::<PathBuf>::new());
        assert_eq!(processes, 3, "supervisor, lesson and its child");
        wait_until(|| processes_with_argument(&place) == 0);
    }
}

#[test]
fn the_lesson_dies_with_its_supervisor() {
    let place = scratch();
    let mut command = probe();
    command
        .args(["--only", "sleeps", "--directory"])
        .arg(place.path());
    let mut lesson = start_sleeping(&mut command, &place);
    lesson.kill().expect("it is alive");
    lesson.wait().expect("it ends");
    wait_until(|| processes_with_argument(&place) == 0);
}

const ENDING: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// nohup(1) and a shell's `&` leave some signals ignored, and programs inherit that.
fn with_default_signals(command: &mut Command) -> &mut Command {
    let reset = || {
        for ending in ENDING {
            // SAFETY: this restores the default action and installs no handler.
            unsafe { signal(ending, SigHandler::SigDfl) }?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec only signal(2) is called, which is async-signal-safe.
    unsafe { command.pre_exec(reset) }
}

fn start_sleeping(command: &mut Command, place: &tempfile::TempDir) -> Child {
    let lesson = command.stdout(Stdio::null()).spawn().expect("it starts");
    wait_until(|| {
        let made = entries(place.path());
        made.iter()
            .any(|directory| directory.join("asleep").exists())
    });
    lesson
}

/// Counts the processes that have this directory on their command line.
fn processes_with_argument(place: &tempfile::TempDir) -> usize {
    let wanted = place.path().to_string_lossy().into_owned();
    let commands = entries("/proc".as_ref())
        .into_iter()
        .map(|entry| entry.join("cmdline"));
    let lines = commands.filter_map(|path| std::fs::read(path).ok());
    lines
        .filter(|line| String::from_utf8_lossy(line).contains(&wanted))
        .count()
}

fn wait_until(mut is_true: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_true() {
        assert!(Instant::now() < end, "waited for 20 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_perturbed_scenario_is_played_again_and_only_the_replay_counts() {
    let row = &only("perturbed-once")["perturbed-once"];
    assert_eq!((row.rounds, row.observed["played"]), (2, 2));
    assert_eq!(row.observed["resident_pages_before"], 64);
    assert!(!row.observed.contains_key(PERTURBED));
}

#[test]
fn a_scenario_perturbed_in_every_attempt_counts_the_last_one_and_says_so() {
    let row = &only("perturbed-always")["perturbed-always"];
    assert_eq!((row.rounds, row.observed["played"]), (2, 4));
    assert_eq!(row.observed[PERTURBED], 4);
}

#[test]
fn a_child_that_the_body_expects_to_be_killed_is_no_failure() {
    let row = &only("child-is-killed-as-it-should")["child-is-killed-as-it-should"];
    assert_eq!((row.rounds, row.observed["signal"]), (1, 9));
}
