//! The kernel programs, by subject. Each one first asks `Here::current` whose event it is.

mod adoption;
mod block;
mod calls;
mod completed;
mod copies;
mod ext4;
mod faults;
mod processes;
mod receive;
mod samples;
mod turns;
mod witness;
mod writeback;
