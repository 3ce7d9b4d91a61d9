//! The offset table as people can read it: a value by the field's path, nothing where it is absent.

use std::collections::BTreeMap;

use mmap_trace_ebpf::offsets::{ABSENT, PATHS};
use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

/// The table of a kernel; `find` tells the value of a path. Of several paths the first one wins.
pub(super) fn resolve(find: impl Fn(&str) -> Option<u32>) -> Vec<u32> {
    PATHS
        .iter()
        .map(|paths| paths.iter().find_map(|path| find(path)).unwrap_or(ABSENT))
        .collect()
}

/// As a map from the first path of each field.
pub(super) fn serialize<S: Serializer>(offsets: &[u32], to: S) -> Result<S::Ok, S::Error> {
    let known: BTreeMap<&str, u32> = PATHS
        .iter()
        .zip(offsets)
        .filter(|(_, offset)| **offset != ABSENT)
        .map(|(paths, offset)| (paths[0], *offset))
        .collect();
    known.serialize(to)
}

/// Back from that map; what it does not name is absent.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u32>, D::Error> {
    let known = BTreeMap::<String, u32>::deserialize(from)?;
    Ok(resolve(|path| known.get(path).copied()))
}
