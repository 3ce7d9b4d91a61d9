//! Which page frame a page is in. The lesson asks the tracer, because the kernel answers privileged processes
//! only.

use std::fs::File;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};
use lessons::data::{Cached, Files};
use lessons::mapping::{MappingMut, Sharing, touch_each_page};
use lessons::{Scenario, page_bytes};
use nix::errno::Errno;
use nix::unistd::Pid;

use crate::views::{MARK, map, marks};

/// How often the lesson asks for all frames at most, until two answers in a row agree: the kernel may move a
/// page, or reclaim it and bring it back into another frame.
const TRIES: usize = 4;

/// A page, as one process maps it, whose frame the lesson asks for.
struct ObservedPage<'view> {
    name: &'static str,
    process: Pid,
    address: usize,
    /// What to load from before asking, so that the page is present; `None` in another process.
    view: Option<&'view [u8]>,
}

impl<'view> ObservedPage<'view> {
    fn ours(name: &'static str, view: &'view [u8]) -> Self {
        ObservedPage {
            name,
            process: Pid::this(),
            address: view.as_ptr().addr(),
            view: Some(&view[..page_bytes()]),
        }
    }
}

/// Asks for the frame of one page of a file, through three mappings of two processes.
pub(crate) fn everywhere(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "one-page-everywhere", Cached::Whole)?;
    let shared = map(&file, files, Sharing::Shared)?;
    let private = map(&file, files, Sharing::Private)?;
    let other = scenario.start_side_process(|| {
        let theirs = map(&file, files, Sharing::Shared)?;
        touch(&theirs);
        let address = theirs.as_ptr().addr() as u64;
        Ok((theirs, address))
    })?;
    let touched = scenario.run(|round| {
        round.work.pages = 2;
        touch(&shared);
        touch(&private);
    });
    if touched.is_none() {
        return Ok(());
    }
    let places = [
        ObservedPage::ours("shared", &shared),
        ObservedPage::ours("private", &private),
        ObservedPage {
            name: "other-process",
            process: other.pid(),
            address: usize::try_from(other.value())?,
            view: None,
        },
    ];
    observe(scenario, "frame", &places);
    file.write_all_at(MARK, 0).context("pwrite")?;
    let seen = marks(&shared[..page_bytes()]) + marks(&private[..page_bytes()]);
    scenario.observe("seen_after_write_views", seen.cast_signed());
    observe(scenario, "frame_after_write", &places);
    Ok(())
}

/// Asks for the frame of a private page before and after the first store.
pub(crate) fn first_private_store(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "first-private-store", Cached::Whole)?;
    let mut private = map(&file, files, Sharing::Private)?;
    store(scenario, files, &file, &mut private)
}

/// The same for a page that has been stored into before.
pub(crate) fn second_private_store(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "second-private-store", Cached::Whole)?;
    let mut private = map(&file, files, Sharing::Private)?;
    private[page_bytes() - 1] = 1;
    store(scenario, files, &file, &mut private)
}

fn store(
    scenario: &mut Scenario,
    files: &Files,
    file: &File,
    private: &mut MappingMut,
) -> Result<()> {
    let shared = map(file, files, Sharing::Shared)?;
    observe(
        scenario,
        "frame_before",
        &[
            ObservedPage::ours("shared", &shared),
            ObservedPage::ours("private", private),
        ],
    );
    let page = &mut private[..page_bytes()];
    let stored = scenario.run(|round| {
        round.work.pages = crate::views::mark(page);
        round.work.operations = round.work.pages;
    });
    if stored.is_some() {
        observe(
            scenario,
            "frame_after",
            &[
                ObservedPage::ours("shared", &shared),
                ObservedPage::ours("private", private),
            ],
        );
    }
    Ok(())
}

/// Records the frame numbers with a `frame_errno` of 0, or the `frame_errno` that says why there are none.
fn observe(scenario: &Scenario, name: &str, places: &[ObservedPage]) {
    let mut frames = ask(scenario, places);
    for _ in 1..TRIES {
        let again = ask(scenario, places);
        let agree = again == frames;
        frames = again;
        if agree {
            break;
        }
    }
    match frames {
        Ok(frames) => {
            for (place, frame) in places.iter().zip(frames) {
                scenario.observe_by(name, place.name, frame);
            }
            scenario.observe("frame_errno", 0);
        }
        Err(errno) => scenario.observe("frame_errno", errno as i64),
    }
}

fn ask(scenario: &Scenario, places: &[ObservedPage]) -> Result<Vec<i64>, Errno> {
    let frame = |place: &ObservedPage| {
        place.view.map(touch);
        scenario.frame(place.process, place.address)
    };
    places.iter().map(frame).collect()
}

/// Loads from the first page.
fn touch(view: &[u8]) {
    std::hint::black_box(touch_each_page(&view[..page_bytes()]));
}
