//! Checks the privileges that counting in the kernel needs, before anything is created.

use nix::unistd::{Uid, geteuid};

use crate::count::kernel::capabilities::Capabilities;

/// Why nothing can be counted in the kernel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotCount {
    #[error(
        "counting in the kernel needs root, and this runs as uid {0}: the kernel refuses to load eBPF \
         programs for other accounts"
    )]
    NoRoot(Uid),
    /// Root in a container that withholds root's capabilities.
    #[error(
        "this runs as root without {}: the kernel will refuse the eBPF programs, or the change to the \
         lesson's account. In a container, use: docker run --cap-add BPF --cap-add PERFMON \
         --cap-add SYS_ADMIN",
        .0.join(", ")
    )]
    NoCapabilities(Vec<&'static str>),
    /// A kernel without BTF, lockdown, or a seccomp filter; only the attempt shows it.
    #[error("nothing can be counted in the kernel here, although this runs as root")]
    Refused,
}

/// Fails without root, and as root without its capabilities.
pub fn require_root() -> Result<(), CannotCount> {
    let uid = geteuid();
    if !uid.is_root() {
        return Err(CannotCount::NoRoot(uid));
    }
    match Capabilities::own().map(Capabilities::missing) {
        Some(missing) if !missing.is_empty() => Err(CannotCount::NoCapabilities(missing)),
        _ => Ok(()),
    }
}
