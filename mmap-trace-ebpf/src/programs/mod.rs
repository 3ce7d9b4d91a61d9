//! The kernel programs, by subject. Each one first asks `Here::current` whose event it is.

mod block;
mod calls;
mod copies;
mod faults;
mod processes;
mod receive;
mod witness;
mod writeback;
