//! Mappings at addresses that make counts repeatable, and loads and stores that really happen.
//!
//! Since Linux 6.18 a fault maps a whole folio unless the mapping crosses a 2 MiB boundary inside it
//! (`finish_fault` in mm/memory.c), and mmap(2) places mappings at random addresses. So a lesson first
//! reserves address space aligned to 2 MiB, and then maps the file over the reservation.

mod accesses;
mod reserved;

pub use accesses::{store_each_page, sum, touch_each_page};
pub use nix::sys::mman::MmapAdvise as Advice;
pub use reserved::{Filling, Mapping, MappingMut, Reserved, Sharing, Vacant};
