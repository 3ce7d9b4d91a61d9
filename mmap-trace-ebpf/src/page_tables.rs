//! Looks up an address in the page tables of x86-64, as the CPU does.
//!
//! The kernel programs and the tracer use it, each with its own reader of kernel memory. The bits are in
//! `arch/x86/include/asm/pgtable_types.h`.

/// Bits of an address that select an entry of one table.
const INDEX_BITS: u32 = 9;
/// Bits of an address within a page.
pub const PAGE_BITS: u32 = 12;
/// `_PAGE_PRESENT`, `_PAGE_RW`, `_PAGE_PSE` and `_PAGE_SPECIAL`.
const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const HUGE: u64 = 1 << 7;
const SPECIAL: u64 = 1 << 9;
/// The part of an entry that is kept: its highest bits are no part of the physical address.
const KEPT: u64 = (1 << 52) - 1;
/// The direct map lies above this address if page tables have four levels, and below it if they have five
/// (`Documentation/arch/x86/x86_64/mm.rst`).
const FOUR_LEVELS: u64 = 0xffff_8000_0000_0000;

/// Where page tables are, and what their entries mean.
#[derive(Clone, Copy, Debug)]
pub struct Tables {
    /// Address of the table of the highest level.
    pub highest: u64,
    /// The address at which the kernel maps physical memory.
    pub direct_map: u64,
    /// Bits of a physical address; entries of encrypted memory have one more.
    pub physical_bits: u32,
}

/// What maps an address: the entry of the lowest level that has one, and its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(pub u64);

impl Entry {
    /// A table could not be read.
    pub const UNREAD: Entry = Entry(u64::MAX);

    #[inline]
    const fn new(entry: u64, level: u32) -> Self {
        Entry(entry & KEPT | (level as u64) << 56)
    }

    /// 0 for a page of 4 KiB, 1 for one of 2 MiB, 2 for one of 1 GiB.
    #[must_use]
    #[inline]
    pub const fn level(self) -> u32 {
        (self.0 >> 56) as u32
    }

    /// Nothing maps the address.
    #[must_use]
    #[inline]
    pub const fn is_none(self) -> bool {
        self.0 & KEPT == 0
    }

    /// A page is mapped; otherwise the entry may say where a page is to be found.
    #[must_use]
    #[inline]
    pub const fn is_present(self) -> bool {
        self.0 & PRESENT != 0
    }

    /// Stores succeed.
    #[must_use]
    #[inline]
    pub const fn is_writable(self) -> bool {
        self.0 & (PRESENT | WRITABLE) == PRESENT | WRITABLE
    }

    /// The page is not an ordinary one: in anonymous memory, it is the zero page (`do_anonymous_page`,
    /// mm/memory.c).
    #[must_use]
    #[inline]
    pub const fn is_special(self) -> bool {
        self.0 & (PRESENT | SPECIAL) == PRESENT | SPECIAL
    }

    /// Base pages in the page that the entry maps.
    #[must_use]
    #[inline]
    pub const fn pages(self) -> u64 {
        1 << (INDEX_BITS * self.level())
    }
}

impl Tables {
    /// Looks up an address; `read` reads eight bytes of kernel memory.
    #[inline]
    pub fn entry(&self, address: u64, read: impl Fn(u64) -> Option<u64>) -> Entry {
        let levels = if self.direct_map >= FOUR_LEVELS { 4 } else { 5 };
        let mut table = self.highest;
        for level in (0..5).rev() {
            if level >= levels {
                continue;
            }
            let index = address >> (PAGE_BITS + INDEX_BITS * level) & ((1 << INDEX_BITS) - 1);
            let Some(entry) = read(table.wrapping_add(index * 8)) else {
                return Entry::UNREAD;
            };
            if level == 0 || entry & PRESENT == 0 || (level < 3 && entry & HUGE != 0) {
                return Entry::new(entry, level);
            }
            table = self.direct_map.wrapping_add(self.physical(entry));
        }
        Entry::UNREAD
    }

    /// The number of the base page that maps an address.
    #[must_use]
    #[inline]
    pub const fn frame(&self, entry: Entry, address: u64) -> u64 {
        let within = entry.pages() - 1;
        (self.physical(entry.0) >> PAGE_BITS) & !within | (address >> PAGE_BITS) & within
    }

    #[inline]
    const fn physical(&self, entry: u64) -> u64 {
        entry & ((1 << self.physical_bits) - 1) & !((1 << PAGE_BITS) - 1)
    }
}
