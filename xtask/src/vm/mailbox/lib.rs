//! What xtask and its guest tell each other, through a file that is the guest's raw disk.
//!
//! The host writes a [`Job`] before the boot. The guest appends frames and increments a pulse; the host reads
//! them while the guest runs. A disk loses nothing, and each write costs one exit from the guest, where a
//! serial line would cost one for each byte.
#![allow(missing_docs, reason = "only xtask uses it")]

mod frames;
mod job;
mod layout;

pub use frames::{Frame, Inbox, Kind, Outbox};
pub use job::{Job, read_job, write_job};
pub use layout::{BYTES, Pulse, SECTOR_BYTES, read_pulse};
