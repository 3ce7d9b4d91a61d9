//! The traced program, from fork to exit, and what the tracer does for it meanwhile.

pub mod attend;
pub mod child;
pub mod clock;
pub mod fallback;
pub mod fence;
pub mod identity;
pub mod kernel_log;
pub mod members;
pub mod membership;
pub mod orders;
pub mod page;
pub mod pfn_lookup;
pub mod privileges;
pub mod progress;
pub mod signals;
pub mod terminal;
pub mod tree;
pub mod wait;
pub mod work_dir;
