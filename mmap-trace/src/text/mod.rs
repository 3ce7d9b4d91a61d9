//! Helpers for text that tracer and xtask share: numbers, sizes, names and command lines as people write
//! them.

pub mod nearest;
pub mod number;
pub mod quote;
pub mod search_path;

pub use mmap_trace_ebpf::size;
