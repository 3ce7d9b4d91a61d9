//! Virtual machines with other kernels. They need neither root nor KVM.
//!
//! [`store`] keeps kernels, fetched from [`suites`] whose signatures apt has verified; [`initramfs`] packs
//! programs of this machine; [`boot`] boots both in a [`machine`] and talks with PID 1
//! (`xtask/src/vm/guest`) through a mailbox (`xtask/src/vm/mailbox`).

pub(crate) mod series;

mod offers;
pub(crate) mod suites;

mod kvm;
mod libraries;
mod modules;
pub(crate) mod programs;

pub(crate) mod lock;
pub(crate) mod store;

pub(crate) mod boot;
mod console;
pub(crate) mod guest_programs;
pub(crate) mod initramfs;
mod machine;
pub(crate) mod own_kernel;

pub(crate) mod list;
pub(crate) mod record;
