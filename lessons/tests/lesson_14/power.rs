//! What a power cut may leave: any of the dirty pages on the device, and the journal up to any byte.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use lessons::data::mix;
use lessons::page_bytes;

use crate::common::scratch;
use crate::history::{Documents, History, Witness, options};
use crate::store::{Durability, Steps, Store};

/// Bytes of each data file, by the number that `all` gives it.
type Files = BTreeMap<usize, Vec<u8>>;

fn files_of(store: &Store) -> Files {
    let files = store.views().all().enumerate();
    files
        .map(|(number, file)| (number, file.shared().to_vec()))
        .collect()
}

/// Keeps what the device is sure to have.
#[derive(Default)]
struct Device {
    flushed: Files,
    flushed_requests: usize,
    journaled: usize,
}

impl Witness for Device {
    fn done(&mut self, _: usize) {}
    fn journaled(&mut self, requests: usize) {
        self.journaled = requests;
    }
    fn applied(&mut self, _: usize) {}
    fn flushed(&mut self, requests: usize, store: &Store) {
        self.flushed = files_of(store);
        self.flushed_requests = requests;
    }
}

/// A history that has come to its end, and what its device is sure to have.
fn played(history: &History, place: &Path) -> (Device, Files) {
    let options = options(Durability::Journal, Steps::unlimited());
    let mut store = Store::open(place, options).expect("a store");
    let mut device = Device {
        flushed: files_of(&store),
        ..Device::default()
    };
    history.play(&mut store, &mut device).expect("well-formed");
    let now = files_of(&store);
    (device, now)
}

/// Opens what is on the device.
fn recovered(place: &Path) -> Documents {
    let options = options(Durability::Journal, Steps::unlimited());
    let store = Store::open(place, options).expect("it can be opened");
    store.check().expect("whole after recovery")
}

fn write_page(place: &Path, file: usize, offset: usize, bytes: &[u8]) {
    let name = match file.checked_sub(1) {
        None => "db.ns".to_owned(),
        Some(number) => format!("db.{number}"),
    };
    let file = fs::File::options().write(true).open(place.join(name));
    let file = file.expect("a file of the store");
    file.write_all_at(bytes, offset as u64).expect("room");
}

/// Puts pages back to what they were at the last flush.
fn take_back(place: &Path, device: &Device, now: &Files, mut is_lost: impl FnMut() -> bool) -> u32 {
    let mut lost = 0;
    let page = page_bytes();
    for (&number, bytes) in now {
        for (index, current) in bytes.chunks(page).enumerate() {
            let zeros = vec![0; page];
            let old = device.flushed.get(&number);
            let old = old.map_or(&zeros[..], |file| &file[index * page..][..page]);
            if old != current && is_lost() {
                write_page(place, number, index * page, old);
                lost += 1;
            }
        }
    }
    lost
}

#[test]
fn whichever_dirty_pages_reach_the_device_the_journal_brings_back_every_group() {
    let mut all_lost = 0;
    for seed in 0..20 {
        let history = History::drawn(seed);
        let place = scratch();
        let (device, now) = played(&history, place.path());
        let mut random = mix(seed);
        all_lost += take_back(place.path(), &device, &now, || {
            random = mix(random);
            random.is_multiple_of(2)
        });
        let documents = recovered(place.path());
        assert_eq!(documents, history.states[device.journaled], "seed {seed}");
    }
    assert!(all_lost > 0, "no page was ever lost");
}

#[test]
fn a_journal_that_ends_anywhere_gives_the_last_whole_group() {
    let mut seen = Vec::new();
    for seed in 0..20 {
        let history = History::drawn(seed);
        let place = scratch();
        let (device, now) = played(&history, place.path());
        take_back(place.path(), &device, &now, || true);
        let journal = fs::read_dir(place.path().join("journal")).expect("a directory");
        let mut files = journal.map(|entry| entry.expect("an entry").path());
        let file = files.find(|path| path.to_string_lossy().contains("j._"));
        let file = fs::File::options()
            .write(true)
            .open(file.expect("a journal file"));
        let file = file.expect("ours");
        let bytes = file.metadata().expect("ours").len();
        file.set_len(mix(seed) % (bytes + 1)).expect("ours");
        let documents = recovered(place.path());
        let ends = history
            .group_ends()
            .filter(|end| *end >= device.flushed_requests);
        let found = ends
            .into_iter()
            .find(|end| history.states[*end] == documents);
        seen.push(found.expect("the state at the end of a group") - device.flushed_requests);
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(
        seen.len() > 2,
        "the journal was cut at too few places: {seen:?}"
    );
}
