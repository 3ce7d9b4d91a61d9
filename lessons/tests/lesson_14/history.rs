//! What a client does to a store, drawn by a seed, and what the store must hold after each of it.

use std::collections::BTreeMap;

use anyhow::Result;
use lessons::data::mix;

use crate::store::{Durability, Options, Steps, Store, compose};

/// Key and bytes of every document.
pub(crate) type Documents = BTreeMap<u64, Vec<u8>>;

/// One request of a client.
#[derive(Clone, Debug)]
enum Request {
    Insert(Vec<u8>),
    Update(Vec<u8>),
    SetCounter { key: u64, value: u64 },
    Remove(u64),
}

/// Requests, and the documents after so many of them.
pub(crate) struct History {
    requests: Vec<Request>,
    pub(crate) states: Vec<Documents>,
}

/// Where a history is: how many of its requests …
pub(crate) trait Witness {
    /// … are done.
    fn done(&mut self, requests: usize);
    /// … are in the journal.
    fn journaled(&mut self, requests: usize);
    /// … are in the data files.
    fn applied(&mut self, requests: usize);
    /// … are on the device, and the store as it is then.
    fn flushed(&mut self, requests: usize, store: &Store);
}

const REQUESTS: usize = 48;
/// Requests of one group.
const PER_GROUP: usize = 3;
const GROUPS_PER_REMAP: usize = 2;
/// Two flushes, and then some groups more.
const GROUPS_PER_FLUSH: usize = 6;
/// Lengths of texts: records of 64 bytes to 1 KiB, and one so large that a data file is added.
const LONGEST_TEXT: u64 = 900;
const LARGE_TEXT: usize = 100_000;
const LARGE_AT: usize = REQUESTS / 2;

pub(crate) fn options(durability: Durability, steps: Steps) -> Options {
    Options {
        durability,
        documents: 64,
        group_bytes: 1 << 20,
        group_stores: 4096,
        steps,
    }
}

impl History {
    /// The history of this seed.
    pub(crate) fn drawn(seed: u64) -> Self {
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
        while history.requests.len() < REQUESTS {
            let keys: Vec<u64> = documents.keys().copied().collect();
            let what = draw(8);
            let text = draw(LONGEST_TEXT) as usize;
            let mut bytes = Vec::new();
            let request = if history.requests.len() == LARGE_AT || keys.is_empty() || what < 3 {
                let large = history.requests.len() == LARGE_AT;
                compose(
                    &mut bytes,
                    next_key,
                    0,
                    if large { LARGE_TEXT } else { text },
                );
                documents.insert(next_key, bytes.clone());
                next_key += 1;
                Request::Insert(bytes)
            } else {
                let key = keys[draw(keys.len() as u64) as usize];
                match what {
                    3 => {
                        documents.remove(&key);
                        Request::Remove(key)
                    }
                    4 => {
                        let value = draw(1000);
                        let document = documents.get_mut(&key).expect("a key of it");
                        document[24..32].copy_from_slice(&value.to_le_bytes());
                        Request::SetCounter { key, value }
                    }
                    _ => {
                        compose(&mut bytes, key, 1, text);
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

    /// Does all of it, with a group commit, a remap and a flush now and then.
    pub(crate) fn play(&self, store: &mut Store, witness: &mut impl Witness) -> Result<()> {
        for (number, request) in self.requests.iter().enumerate() {
            match request {
                Request::Insert(document) => store.insert(document)?,
                Request::Update(document) => drop(store.update(document)?),
                Request::SetCounter { key, value } => store.set_counter(*key, *value)?,
                Request::Remove(key) => store.remove(*key)?,
            }
            let done = number + 1;
            witness.done(done);
            if done % PER_GROUP != 0 {
                continue;
            }
            store.prepare()?;
            store.write_journal()?;
            witness.journaled(done);
            store.write_data_files()?;
            witness.applied(done);
            let group = done / PER_GROUP;
            if group.is_multiple_of(GROUPS_PER_REMAP) {
                store.remap()?;
            }
            if group.is_multiple_of(GROUPS_PER_FLUSH) {
                store.flush()?;
                witness.flushed(done, store);
                store.trim_journal()?;
            }
        }
        Ok(())
    }

    /// Numbers of requests at which a group ends.
    pub(crate) fn group_ends(&self) -> impl Iterator<Item = usize> + use<> {
        (0..=self.requests.len()).step_by(PER_GROUP)
    }
}

#[test]
fn a_history_played_to_its_end_leaves_its_last_state() {
    struct Nobody;
    impl Witness for Nobody {
        fn done(&mut self, _: usize) {}
        fn journaled(&mut self, _: usize) {}
        fn applied(&mut self, _: usize) {}
        fn flushed(&mut self, _: usize, _: &Store) {}
    }
    let place = crate::common::scratch();
    for (seed, durability) in [(1, Durability::Journal), (2, Durability::Nothing)] {
        let history = History::drawn(seed);
        let directory = place.path().join(seed.to_string());
        std::fs::create_dir(&directory).expect("room");
        let open = || {
            let options = options(durability, Steps::unlimited());
            Store::open(&directory, options).expect("a store")
        };
        let mut store = open();
        history.play(&mut store, &mut Nobody).expect("well-formed");
        let last = history.states.last().expect("one");
        assert_eq!(&store.check().expect("whole"), last, "seed {seed}");
        drop(store);
        assert_eq!(&open().check().expect("whole"), last, "seed {seed}, opened");
    }
}
