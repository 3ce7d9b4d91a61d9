//! What this kernel is and has. Only `facts::gather` reads /proc, /sys and BTF.

pub mod btf;
pub mod calls;
pub mod capabilities;
pub mod disk;
pub mod facts;
pub mod fault_around;
mod fields;
pub mod page_size;
pub mod symbols;
