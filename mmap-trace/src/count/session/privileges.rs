//! What counting in the kernel needs, checked before anything is made.

use nix::unistd::{Uid, geteuid};

use crate::count::kernel::capabilities::Capabilities;

/// Why nothing can be counted in the kernel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotCount {
    /// An ordinary account.
    #[error(
        "counting in the kernel needs root, and this runs as uid {0}: loading eBPF programs is \
         refused to other accounts"
    )]
    NoRoot(Uid),
    /// Root of a container that gives none of root's powers.
    #[error(
        "this runs as root without {}: the kernel refuses eBPF programs or the change to the \
         lesson's account. In a container: docker run --cap-add BPF --cap-add PERFMON \
         --cap-add SYS_ADMIN",
        .0.join(", ")
    )]
    NoCapabilities(Vec<&'static str>),
    /// A kernel without type information, lockdown, seccomp: only the attempt tells.
    #[error("nothing can be counted in the kernel here, though this runs as root")]
    Refused,
}

/// Fails without root, and as root without its powers.
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
