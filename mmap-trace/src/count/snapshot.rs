//! The only reader of the counter maps: adds up the rows of all CPUs.

use anyhow::{Context as _, Result, anyhow};
use aya::{
    Ebpf,
    maps::{HashMap, MapData, PerCpuArray, PerCpuValues},
};
use mmap_trace_ebpf::{
    counters::{Counter, ROW_COUNTERS, row_of},
    session::{ROLES, Role},
};

/// Counters of one (cell, role), summed over CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums(pub [u64; ROW_COUNTERS]);

impl Default for Sums {
    fn default() -> Self {
        Sums([0; ROW_COUNTERS])
    }
}

impl Sums {
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    pub fn add(&mut self, other: &Sums) {
        for (sum, value) in self.0.iter_mut().zip(other.0) {
            // A failed fault is subtracted again, perhaps on another CPU: a row may wrap, the sum does not.
            *sum = sum.wrapping_add(value);
        }
    }
}

pub type CellSums = [Sums; ROLES];

pub fn read(ebpf: &Ebpf, cells: &[usize]) -> Result<Vec<CellSums>> {
    let map = ebpf
        .map("COUNTERS")
        .context("the object has no map COUNTERS")?;
    let rows: PerCpuArray<&MapData, [u64; ROW_COUNTERS]> =
        PerCpuArray::try_from(map).context("map COUNTERS")?;
    cells
        .iter()
        .map(|&cell| {
            let mut sums = CellSums::default();
            for role in Role::ALL {
                let number = row_of(cell, role as usize) as u32;
                let row = rows
                    .get(&number, 0)
                    .with_context(|| format!("read row {number} of COUNTERS"))?;
                for cpu in row.iter() {
                    sums[role as usize].add(&Sums(*cpu));
                }
            }
            Ok(sums)
        })
        .collect()
}

/// Pages of members' inodes that are dirty: not yet written back or discarded.
pub fn outstanding_pages(ebpf: &Ebpf) -> Result<u64> {
    let map = ebpf
        .map("INODE_TABLE")
        .context("the object has no map INODE_TABLE")?;
    // Keys and values are `InodeKey` and `InodeOwner`, as words.
    let inodes: HashMap<&MapData, [u64; 2], [u64; 4]> =
        HashMap::try_from(map).context("map INODE_TABLE")?;
    let mut pages = 0;
    for entry in &inodes {
        let (_, [dirtied, written, cleaned, _]) = entry.context("read INODE_TABLE")?;
        pages += dirtied.saturating_sub(written + cleaned);
    }
    Ok(pages)
}

/// Clears the rows of the first `cells` cells, and every inode.
pub fn clear(ebpf: &mut Ebpf, cells: usize) -> Result<()> {
    let map = ebpf
        .map_mut("COUNTERS")
        .context("the object has no map COUNTERS")?;
    let mut rows: PerCpuArray<&mut MapData, [u64; ROW_COUNTERS]> =
        PerCpuArray::try_from(map).context("map COUNTERS")?;
    let cpus = aya::util::nr_cpus().map_err(|(file, error)| anyhow!("read({file}): {error}"))?;
    for cell in 0..cells {
        for role in Role::ALL {
            let zeros = PerCpuValues::try_from(vec![[0; ROW_COUNTERS]; cpus])
                .context("zeros for every CPU")?;
            rows.set(row_of(cell, role as usize) as u32, zeros, 0)
                .context("clear a row of COUNTERS")?;
        }
    }
    let map = ebpf
        .map_mut("INODE_TABLE")
        .context("the object has no map INODE_TABLE")?;
    let mut inodes: HashMap<&mut MapData, [u64; 2], [u64; 4]> =
        HashMap::try_from(map).context("map INODE_TABLE")?;
    let keys: Vec<_> = inodes.keys().filter_map(Result::ok).collect();
    for key in keys {
        // It may be gone already.
        let _ = inodes.remove(&key);
    }
    Ok(())
}
