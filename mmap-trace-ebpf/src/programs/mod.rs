//! The kernel programs, by subject.

mod adoption;
mod aio;
mod backups;
mod block;
mod btrfs;
mod calls;
mod completed_faults;
mod copies;
mod copy_on_write;
mod cross_check;
mod direct;
mod ext4;
mod faults;
mod iomap;
mod options;
mod processes;
mod receive;
mod ring_requests;
mod rings;
mod samples;
mod user_messages;
mod writeback;
