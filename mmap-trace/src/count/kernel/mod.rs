//! What this kernel offers.

pub mod accounts;
pub mod btf;
pub mod calls;
pub mod capabilities;
pub mod disk;
pub mod facts;
pub mod fault_around;
mod fields;
pub mod page_size;
pub mod page_tables;
pub mod symbols;
