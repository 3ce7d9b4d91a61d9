//! Requests of a client, drawn from a seed, and the documents that the store must hold after each of them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use lessons::data::mix;

use crate::store::{Durability, Steps, Store, compose};

/// Documents by key.
pub(crate) type Documents = BTreeMap<u64, Vec<u8>>;

#[derive(Clone, Debug)]
enum Request {
    Insert(Vec<u8>),
    Update(Vec<u8>),
    SetCounter { key: u64, value: u64 },
    Remove(u64),
}

pub(crate) struct History {
    requests: Vec<Request>,
    /// The documents after 0, 1, 2 … requests.
    pub(crate) states: Vec<Documents>,
}

/// Follows how many requests have come how far.
pub(crate) trait Observer {
    fn done(&mut self, _requests: usize) {}
    fn journaled(&mut self, _requests: usize) {}
    fn applied(&mut self, _requests: usize) {}
    fn flushed(&mut self, _requests: usize, _store: &Store) {}
}

/// An observer that ignores everything.
impl Observer for () {}

const REQUESTS: usize = 48;
const REQUESTS_PER_GROUP: usize = 3;
const GROUPS_PER_REMAP: usize = 2;
/// Some groups follow the last flush.
const GROUPS_PER_FLUSH: usize = 6;
/// Records of 64 bytes to 1 KiB.
const LONGEST_TEXT_BYTES: u64 = 900;
/// One document is so large that the store needs another data file.
const LARGE_TEXT_BYTES: usize = 100_000;
const LARGE_AT: usize = REQUESTS / 2;

pub(crate) fn open(directory: &Path, durability: Durability, steps: Steps) -> Store {
    let store = Store::open(directory, durability, 64, steps);
    store.expect("whatever a crash leaves can be opened")
}

impl History {
    pub(crate) fn from_seed(seed: u64) -> Self {
        let mut random = mix(seed);
        let mut draw = |limit: u64| {
            random = mix(random);
            random % limit
        };
        let mut documents = Documents::new();
        let mut history = History {
            requests: Vec::new(),
            states: vec![documents.clone()],
        };
        let mut next_key = 0;
        for number in 0..REQUESTS {
            let keys: Vec<u64> = documents.keys().copied().collect();
            let kind = draw(8);
            let mut text_bytes = draw(LONGEST_TEXT_BYTES) as usize;
            let mut bytes = Vec::new();
            let request = if number == LARGE_AT || keys.is_empty() || kind < 3 {
                if number == LARGE_AT {
                    text_bytes = LARGE_TEXT_BYTES;
                }
                compose(&mut bytes, next_key, 0, text_bytes);
                documents.insert(next_key, bytes.clone());
                next_key += 1;
                Request::Insert(bytes)
            } else {
                let key = keys[draw(keys.len() as u64) as usize];
                match kind {
                    3 => {
                        documents.remove(&key);
                        Request::Remove(key)
                    }
                    4 => {
                        let value = draw(1000);
                        let document = documents.get_mut(&key).expect("a present key");
                        document[24..32].copy_from_slice(&value.to_le_bytes());
                        Request::SetCounter { key, value }
                    }
                    _ => {
                        compose(&mut bytes, key, 1, text_bytes);
                        documents.insert(key, bytes.clone());
                        Request::Update(bytes)
                    }
                }
            };
            history.requests.push(request);
            history.states.push(documents.clone());
        }
        history
    }

    /// Sends all requests, with group commits, remaps and flushes at fixed intervals.
    pub(crate) fn play(&self, store: &mut Store, observer: &mut impl Observer) -> Result<()> {
        for (number, request) in self.requests.iter().enumerate() {
            match request {
                Request::Insert(document) => store.insert(document)?,
                Request::Update(document) => store.update(document)?,
                Request::SetCounter { key, value } => store.set_counter(*key, *value)?,
                Request::Remove(key) => store.remove(*key)?,
            }
            let done = number + 1;
            observer.done(done);
            if done % REQUESTS_PER_GROUP != 0 {
                continue;
            }
            store.prepare()?;
            store.write_journal()?;
            observer.journaled(done);
            store.write_data_files()?;
            observer.applied(done);
            let group = done / REQUESTS_PER_GROUP;
            if group.is_multiple_of(GROUPS_PER_REMAP) {
                store.remap()?;
            }
            if group.is_multiple_of(GROUPS_PER_FLUSH) {
                store.flush()?;
                observer.flushed(done, store);
                store.trim_journal()?;
            }
        }
        Ok(())
    }

    /// The numbers of requests after which a group ends.
    pub(crate) fn group_ends(&self) -> impl Iterator<Item = usize> + use<> {
        (0..=self.requests.len()).step_by(REQUESTS_PER_GROUP)
    }
}

#[test]
fn a_store_holds_its_last_state_before_and_after_it_is_reopened() {
    for durability in [Durability::Journal, Durability::Nothing] {
        let history = History::from_seed(1);
        let directory = crate::common::scratch();
        let open = || open(directory.path(), durability, Steps::default());
        let mut store = open();
        history.play(&mut store, &mut ()).expect("a valid history");
        let last = history.states.last();
        assert_eq!(store.check().ok().as_ref(), last, "{durability:?}");
        drop(store);
        assert_eq!(open().check().ok().as_ref(), last, "{durability:?}");
    }
}
