//! This binary in the part of a lesson: the tracer runs it from a folder with a `lesson.toml` and a copy of
//! it, and `--only` chooses the play. Each scenario announces the counts that it must have.

mod bytes;
mod copy_case;
mod copy_on_write;
mod crowd;
mod disturb;
mod failing;
mod faults;
mod frames;
mod hidden;
pub(crate) mod hostile;
mod inodes;
mod map;
mod overlap;
mod page;
mod rings;
mod stores;
mod two_threads;
mod writeback;

use std::{
    ffi::OsString, fmt::Write as _, fs, io::Write as _, os::unix::fs::PermissionsExt as _,
    process::ExitCode,
};

use anyhow::{Context as _, Result, bail};
use mmap_trace_ebpf::session::SESSION_FD_ENV;
use tempfile::TempDir;

use crate::tracer::open_directory;

pub(crate) use page::Page;

type Play = fn(Page) -> Result<()>;

const PLAYS: &[(&str, Play)] = &[
    ("bytes", bytes::play),
    ("bytes-by-requests", bytes::by_requests),
    ("hidden", hidden::play),
    ("polled", rings::polled),
    ("faults", faults::play),
    ("copy-on-write", copy_on_write::play),
    ("pinned", copy_on_write::pinned),
    ("overlap", overlap::play),
    ("frames", frames::play),
    ("writeback", writeback::play),
    ("flusher", writeback::left_to_the_flusher),
    ("several", several),
    ("blocked-readers", crowd::blocked_readers),
    ("interrupted", crowd::interrupted),
    ("shared-inode", inodes::shared),
    ("inode-used-again", inodes::used_again),
    ("crash", disturb::crash),
    ("fail", disturb::fail),
    ("killed", disturb::killed),
    ("endless", disturb::endless),
    ("counts-too-large", disturb::counts_too_large),
    ("wild-names", disturb::wild_names),
    ("random-bytes", disturb::random_bytes),
    ("cut-page", disturb::cut_page),
    ("fill-the-disk", disturb::fill_the_disk),
    ("left-behind", disturb::leave_processes_behind),
    ("terminal", hostile::terminal),
    ("terminal-for-ever", hostile::terminal_for_ever),
    ("standard-input", hostile::standard_input),
    ("privileges", hostile::privileges),
    ("fork-bomb", hostile::fork_bomb),
    ("large-file", hostile::large_file),
    ("core-and-descriptors", hostile::core_and_descriptors),
    ("out-of-memory", hostile::out_of_memory),
    ("deep-tree", hostile::deep_tree),
    ("wide-tree", hostile::wide_tree),
    ("closed-tree", hostile::closed_tree),
    ("chain", disturb::start_a_chain),
    ("endless-chain", disturb::endless_chain),
];

/// Whether the tracer started this process as a lesson.
pub(crate) fn is_lesson() -> bool {
    std::env::var_os(SESSION_FD_ENV).is_some()
}

pub(crate) fn main(arguments: &[String]) -> ExitCode {
    match play(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "lesson-t: {error:?}");
            ExitCode::FAILURE
        }
    }
}

/// Several plays in one run, because every start of a tracer takes seconds in a VM.
fn several(page: Page) -> Result<()> {
    let plays: [Play; 4] = [
        faults::play,
        writeback::play,
        overlap::play,
        // This play comes last, because it leaves a large descriptor table behind.
        crowd::blocked_readers,
    ];
    plays.into_iter().try_for_each(|play| play(page))
}

fn play(arguments: &[String]) -> Result<()> {
    let page = Page::inherited()?.context("no session page")?;
    let place = arguments.iter().position(|argument| argument == "--only");
    let name = place
        .and_then(|place| arguments.get(place + 1))
        .context("--only is missing")?;
    let Some((_, play)) = PLAYS.iter().find(|(known, _)| known == name) else {
        bail!("no play {name}")
    };
    play(page)
}

/// A folder that the tracer accepts as a lesson and that the lesson's account can enter.
pub(crate) fn folder() -> Result<TempDir> {
    let folder = open_directory()?;
    let binary = folder.path().join("lesson-t");
    fs::copy(std::env::current_exe()?, &binary).context("copy of this binary")?;
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))?;
    let mut text =
        "[lesson]\nid = \"lesson-t\"\ntitle = \"Tests\"\nquestion = \"Is it counted?\"\n\
                    minutes = 1\nsize = \"1MiB\"\nfile_systems = [\"ext4\"]\n"
            .to_owned();
    for (name, _) in PLAYS {
        write!(
            text,
            "\n[[scenario]]\nname = \"{name}\"\nabout = \"a play of the tests\"\n"
        )?;
    }
    fs::write(folder.path().join("lesson.toml"), text).context("lesson.toml")?;
    Ok(folder)
}

/// The argument that names the folder to the tracer.
pub(crate) fn argument(folder: &TempDir) -> OsString {
    let mut path = folder.path().as_os_str().to_owned();
    path.push("/");
    path
}
