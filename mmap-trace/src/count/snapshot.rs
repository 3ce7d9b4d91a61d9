//! The only reader of the counter maps: per-CPU rows become plain sums.

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
    /// One counter.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// Adds another row.
    pub fn add(&mut self, other: &Sums) {
        for (sum, value) in self.0.iter_mut().zip(other.0) {
            // A fault that failed is taken back, perhaps on another CPU: rows wrap, sums do not.
            *sum = sum.wrapping_add(value);
        }
    }
}

/// Counters of one cell, by role.
pub type CellSums = [Sums; ROLES];

/// Reads the rows of the given cells.
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

/// Pages of members' inodes that are dirty and neither written nor thrown away.
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

/// Forgets the first cells and every inode.
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
        // One that has gone meanwhile is as good as forgotten.
        let _ = inodes.remove(&key);
    }
    Ok(())
}
