//! What a power cut may leave: any subset of the dirty pages, and the journal up to any byte.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use lessons::data::mix;
use lessons::page_bytes;

use crate::common::scratch;
use crate::history::{Documents, History, Observer, open};
use crate::store::{Durability, Steps, Store};

const HISTORIES: u64 = 20;

/// The bytes of each file, in the order of [`Store::files`].
type Files = Vec<Vec<u8>>;

fn files_of(store: &Store) -> Files {
    let files = store.files().iter();
    files.map(|file| file.shared().to_vec()).collect()
}

/// What the device holds for certain.
#[derive(Default)]
struct Device {
    flushed: Files,
    flushed_requests: usize,
    journaled: usize,
}

impl Observer for Device {
    fn journaled(&mut self, requests: usize) {
        self.journaled = requests;
    }
    fn flushed(&mut self, requests: usize, store: &Store) {
        self.flushed = files_of(store);
        self.flushed_requests = requests;
    }
}

/// Plays a history to its end; returns what the device and the page cache hold then.
fn played(history: &History, directory: &Path) -> (Device, Files) {
    let mut store = open(directory, Durability::Journal, Steps::default());
    let mut device = Device {
        flushed: files_of(&store),
        ..Device::default()
    };
    history
        .play(&mut store, &mut device)
        .expect("a valid history");
    (device, files_of(&store))
}

fn recovered(directory: &Path) -> Documents {
    let store = open(directory, Durability::Journal, Steps::default());
    store.check().expect("recovery leaves an intact store")
}

/// Reverts dirty pages to the last flush; returns how many.
fn lose_pages(
    directory: &Path,
    device: &Device,
    now: &Files,
    mut is_lost: impl FnMut() -> bool,
) -> u32 {
    let mut lost = 0;
    let page = page_bytes();
    for (number, bytes) in now.iter().enumerate() {
        let name = match number.checked_sub(1) {
            None => "db.ns".to_owned(),
            Some(number) => format!("db.{number}"),
        };
        let file = fs::File::options().write(true).open(directory.join(name));
        let file = file.expect("a file of the store");
        for (index, current) in bytes.chunks(page).enumerate() {
            let zeros = vec![0; page];
            let old = device.flushed.get(number);
            let old = old.map_or(&zeros[..], |file| &file[index * page..][..page]);
            if old != current && is_lost() {
                let offset = (index * page) as u64;
                file.write_all_at(old, offset).expect("room");
                lost += 1;
            }
        }
    }
    lost
}

#[test]
fn the_journal_restores_every_group_whichever_dirty_pages_are_lost() {
    let mut all_lost = 0;
    for seed in 0..HISTORIES {
        let history = History::from_seed(seed);
        let directory = scratch();
        let (device, now) = played(&history, directory.path());
        let mut random = mix(seed);
        all_lost += lose_pages(directory.path(), &device, &now, || {
            random = mix(random);
            random.is_multiple_of(2)
        });
        let documents = recovered(directory.path());
        assert_eq!(documents, history.states[device.journaled], "seed {seed}");
    }
    assert!(all_lost > 0, "no page was ever lost");
}

#[test]
fn a_torn_journal_restores_its_last_complete_group() {
    let mut restored = Vec::new();
    for seed in 0..HISTORIES {
        let history = History::from_seed(seed);
        let directory = scratch();
        let (device, now) = played(&history, directory.path());
        lose_pages(directory.path(), &device, &now, || true);
        let journal = fs::read_dir(directory.path().join("journal")).expect("a directory");
        let mut files = journal.map(|entry| entry.expect("an entry").path());
        let file = files.find(|path| path.to_string_lossy().contains("j._"));
        let file = file.expect("a journal file");
        let file = fs::File::options().write(true).open(file);
        let file = file.expect("a writable journal file");
        let bytes = file.metadata().expect("metadata").len();
        file.set_len(mix(seed) % (bytes + 1)).expect("truncation");
        let documents = recovered(directory.path());
        let flushed = device.flushed_requests;
        let mut ends = history.group_ends().filter(|end| *end >= flushed);
        let found = ends.find(|end| history.states[*end] == documents);
        restored.push(found.expect("the state at the end of a group") - flushed);
    }
    restored.sort_unstable();
    restored.dedup();
    assert!(
        restored.len() > 2,
        "the journal was torn at too few places: {restored:?}"
    );
}
