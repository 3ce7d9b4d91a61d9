//! Kernels in a box: a virtual machine with another kernel, without root and without KVM.
//!
//! [`store`] has kernels, fetched from [`suites`] whose signature apt has verified; [`initramfs`] holds
//! the programs of this machine; [`guest`] boots both in a [`machine`] and talks with PID 1
//! (`xtask/src/guest`) through a mailbox (`xtask/src/mailbox`). What is asked stands in [`request`],
//! who asks in [`lesson`] and [`matrix`].

mod console;
mod cpio;
mod guest;
mod initramfs;
mod kvm;
mod lesson;
mod libraries;
pub(crate) mod list;
pub(crate) mod live;
pub(crate) mod lock;
mod machine;
mod matrix;
mod modules;
mod offers;
mod own;
mod predictions;
mod programs;
mod request;
pub(crate) mod series;
mod store;
mod suites;

pub(crate) use lesson::run;
pub(crate) use request::{Request, read};
