//! Which page frame one page of a file is in, looked up through both of its views.

use anyhow::Result;
use lessons::Scenario;
use nix::unistd::Pid;

use crate::data::Data;
use crate::store::{DiskLoc, Store};

/// Attempts to get the same answer twice in a row: the kernel may migrate a page between two lookups.
const ATTEMPTS: usize = 4;

/// Looks at a page of documents before a store into it, after the store, and after the remap.
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
    scenario.observe("updated_after_remap", i64::from(store.counter(0)? == 1));
    Ok(())
}

/// Records both frame numbers and 0 as `frame_errno`, or the error of the lookup.
fn observe(scenario: &Scenario, name: &str, store: &Store, place: DiskLoc) -> Result<()> {
    let file = store.file(place.file)?;
    let offset = usize::try_from(place.offset)?;
    let shared = &file.shared()[offset];
    let private = &file.private().unwrap_or(file.shared())[offset];
    let lookup = |byte: &u8| {
        // Maps the page, so that there is a frame to look up.
        std::hint::black_box(lessons::mapping::sum(std::slice::from_ref(byte)));
        scenario.frame(Pid::this(), std::ptr::from_ref(byte).addr())
    };
    let look_up_both = || Ok::<_, nix::Error>((lookup(shared)?, lookup(private)?));
    let mut frames = look_up_both();
    for _ in 1..ATTEMPTS {
        let earlier = std::mem::replace(&mut frames, look_up_both());
        if frames == earlier {
            break;
        }
    }
    if let Ok((shared, private)) = frames {
        scenario.observe_by(name, "shared", shared);
        scenario.observe_by(name, "private", private);
    }
    let errno = frames.err().map_or(0, |errno| errno as i64);
    scenario.observe("frame_errno", errno);
    Ok(())
}
