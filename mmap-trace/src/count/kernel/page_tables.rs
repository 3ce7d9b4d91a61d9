//! Finds the address at which the kernel maps physical memory, so that kernel programs can read page tables.
//!
//! The kernel draws that address at boot, and few kernels list it in `/proc/kallsyms`. But it is known where
//! this process's own page table lies, and in which frame each of its pages is (`/proc/self/pagemap`). The
//! kernel maps physical memory at a multiple of 1 GiB (`kernel_randomize_memory`, arch/x86/mm/kaslr.c). So
//! the right multiple is the one with which looking up some pages gives their frames.

use std::{fs, fs::File, os::unix::fs::FileExt as _};

use mmap_trace_ebpf::page_tables::{PAGE_BITS, Tables};

/// Where physical memory can be mapped.
const GRANULE: u64 = 1 << 30;
/// Pages that are looked up: two, so that no accident looks like success.
const PAGES: usize = 2;

/// Bits of a physical address, by `/proc/cpuinfo`; `None` if this is another architecture than x86-64.
#[must_use]
pub fn physical_bits() -> Option<u32> {
    if !cfg!(target_arch = "x86_64") {
        return None;
    }
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with("address sizes"))?;
    let bits = line.split_once(':')?.1.split_ascii_whitespace().next()?;
    bits.parse().ok().filter(|bits| (32..=52).contains(bits))
}

/// Finds the address. `peek` reads kernel memory, and at 0 the address of this process's page table.
pub fn find_direct_map(peek: impl Fn(u64) -> Option<u64>) -> Result<u64, String> {
    let physical_bits = physical_bits().ok_or(
        "the tracer knows only the page tables of x86-64 with the size of addresses in /proc/cpuinfo",
    )?;
    let highest = peek(0).filter(|address| *address != 0);
    let highest = highest.ok_or("the address of the tracer's page table cannot be read")?;
    let memory = vec![1_u8; (PAGES + 1) << PAGE_BITS];
    let known = known_frames(&memory)?;
    let first = highest & !(GRANULE - 1);
    (0..=memory_end() / GRANULE)
        .map(|n| first.wrapping_sub(n * GRANULE))
        .find(|direct_map| {
            let tables = Tables {
                highest,
                direct_map: *direct_map,
                physical_bits,
            };
            known.iter().all(|(address, frame)| {
                let entry = tables.entry(*address, &peek);
                entry.is_present() && tables.frame(entry, *address) == *frame
            })
        })
        .ok_or_else(|| {
            "the page tables of this process do not lead to the frames in /proc/self/pagemap, \
             as when a hypervisor manages them"
                .to_owned()
        })
}

/// Addresses of pages and the numbers of the frames in which they are.
fn known_frames(memory: &[u8]) -> Result<Vec<(u64, u64)>, String> {
    let pagemap = File::open("/proc/self/pagemap")
        .map_err(|error| format!("cannot open /proc/self/pagemap ({error})"))?;
    let mut frames = Vec::new();
    for page in 0..PAGES as u64 {
        let address = (memory.as_ptr().addr() as u64) + (page << PAGE_BITS);
        let mut entry = [0; 8];
        pagemap
            .read_exact_at(&mut entry, (address >> PAGE_BITS) * 8)
            .map_err(|error| format!("cannot read /proc/self/pagemap ({error})"))?;
        let frame = u64::from_ne_bytes(entry) & ((1 << 55) - 1);
        if frame == 0 {
            return Err("/proc/self/pagemap hides its frames; it needs CAP_SYS_ADMIN".to_owned());
        }
        frames.push((address, frame));
    }
    Ok(frames)
}

/// The end of physical memory; 16 TiB if `/proc/iomem` does not tell.
fn memory_end() -> u64 {
    let text = fs::read_to_string("/proc/iomem").unwrap_or_default();
    text.lines()
        .filter_map(|line| line.trim().strip_suffix(" : System RAM"))
        .filter_map(|range| u64::from_str_radix(range.split_once('-')?.1, 16).ok())
        .max()
        .filter(|end| *end != 0)
        .unwrap_or(16 << 40)
}
