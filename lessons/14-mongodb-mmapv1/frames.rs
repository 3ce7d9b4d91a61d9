//! In which page frames one page of a file is, seen through its two views.

use anyhow::Result;
use lessons::Scenario;
use nix::unistd::Pid;

use crate::data::Data;
use crate::store::{DiskLoc, Store};

/// How often the frames are asked for, until two answers in a row agree: the kernel may move a page.
const TRIES: usize = 4;

/// A page of documents before a store into it, after it, and after the remap.
pub(crate) fn one_page_twice(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut store = data.store(scenario)?;
    let place = store.place(0)?;
    observe(scenario, "frame_before", &store, place)?;
    let stored = scenario.run(|round| -> Result<()> {
        round.work.pages = 1;
        store.set_counter(0, 1)?;
        store.commit()
    });
    if stored.transpose()?.is_none() {
        return Ok(());
    }
    observe(scenario, "frame_after_store", &store, place)?;
    store.remap()?;
    observe(scenario, "frame_after_remap", &store, place)?;
    let is_updated = store.counter(0)? == 1;
    scenario.observe("updated_after_remap", i64::from(is_updated));
    Ok(())
}

/// Leaves the frame numbers, and 0 as `frame_errno`; or why there are none.
fn observe(scenario: &Scenario, name: &str, store: &Store, place: DiskLoc) -> Result<()> {
    let file = store.views().file(place.file)?;
    let offset = usize::try_from(place.offset)?;
    let views = [
        ("shared", file.shared()),
        ("private", file.private().unwrap_or(file.shared())),
    ];
    let ask = || {
        views
            .iter()
            .map(|(_, view)| {
                let byte = &view[offset];
                std::hint::black_box(lessons::mapping::touch_each_page(std::slice::from_ref(
                    byte,
                )));
                scenario.frame(Pid::this(), std::ptr::from_ref(byte).addr())
            })
            .collect::<nix::Result<Vec<i64>>>()
    };
    let mut frames = ask();
    for _ in 1..TRIES {
        let again = ask();
        let agree = again == frames;
        frames = again;
        if agree {
            break;
        }
    }
    match frames {
        Ok(frames) => {
            for ((view, _), frame) in views.iter().zip(frames) {
                scenario.observe_by(name, view, frame);
            }
            scenario.observe("frame_errno", 0);
        }
        Err(errno) => scenario.observe("frame_errno", errno as i64),
    }
    Ok(())
}
