//! The traced program, from fork to exit, and what the tracer does for it meanwhile.

pub mod attend;
pub mod child;
pub mod clock;
pub mod descent;
pub mod fallback;
pub mod fence;
pub mod guardian;
pub mod identity;
pub mod image;
pub mod kernel_log;
pub mod loop_device;
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
mod watch;
pub mod work_dir;
