//! The counts of each role of a scenario.

use std::collections::BTreeMap;

use mmap_trace_ebpf::session::Role;

use super::{Counting, counts};
use crate::{
    count::{
        session::page::CellMark,
        snapshot::{CellSums, Sums},
    },
    record::Counts,
};

/// Counts by role; empty where one role did everything. A role that took part and did nothing has zeros.
pub(super) fn counts_of_each(
    rounds: &[(&CellMark, &CellSums)],
    counting: &[Counting],
) -> BTreeMap<String, Counts> {
    let present: Vec<Role> = Role::ALL
        .into_iter()
        .filter(|&role| {
            rounds.iter().any(|(cell, sums)| {
                cell.roles & role.bit() != 0 || sums[role as usize] != Sums::default()
            })
        })
        .collect();
    if present.len() < 2 {
        return BTreeMap::new();
    }
    present
        .into_iter()
        .map(|role| {
            let own: Vec<Sums> = rounds.iter().map(|(_, sums)| sums[role as usize]).collect();
            (role.name().to_owned(), counts::of_rounds(&own, counting))
        })
        .collect()
}
