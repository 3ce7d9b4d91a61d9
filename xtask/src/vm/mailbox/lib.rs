//! What xtask and its guest say to each other: a raw disk of the guest, a file of the host.
//!
//! The host puts a [`Job`] in before the boot. The guest appends frames and moves a pulse; the host
//! reads them while the guest runs. A disk loses nothing and costs one exit from the guest for each
//! write, where a serial line costs one for each byte.

mod frames;
mod job;
mod layout;

pub use frames::{Frame, Inbox, Kind, Outbox};
pub use job::{Job, read_job, write_job};
pub use layout::{BYTES, Pulse, SECTOR_BYTES, read_pulse};
