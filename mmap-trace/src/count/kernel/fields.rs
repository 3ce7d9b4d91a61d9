//! Saves the offset table as a map from paths of fields to values; absent fields are left out.

use std::collections::BTreeMap;

use mmap_trace_ebpf::offsets::{ABSENT, PATHS};
use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

/// Builds the table; `find` looks up the value of a path. Of several paths of a field, the first found counts.
pub(super) fn resolve(find: impl Fn(&str) -> Option<u32>) -> Vec<u32> {
    PATHS
        .iter()
        .map(|paths| paths.iter().find_map(|path| find(path)).unwrap_or(ABSENT))
        .collect()
}

/// Saves each value under the first path of its field.
pub(super) fn serialize<S: Serializer>(offsets: &[u32], to: S) -> Result<S::Ok, S::Error> {
    let known: BTreeMap<&str, u32> = PATHS
        .iter()
        .zip(offsets)
        .filter(|(_, offset)| **offset != ABSENT)
        .map(|(paths, offset)| (paths[0], *offset))
        .collect();
    known.serialize(to)
}

/// Loads the map; a field that it does not name is absent.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u32>, D::Error> {
    let known = BTreeMap::<String, u32>::deserialize(from)?;
    Ok(resolve(|path| known.get(path).copied()))
}
