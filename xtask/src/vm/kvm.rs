//! Whether KVM is worth a try. QEMU may fail although `/dev/kvm` can be opened, for example inside a VM,
//! and then it fails until the next boot of this machine.

use std::fs::{self, OpenOptions};

use crate::cache::Cache;

/// The file in the cache that names the boot of this machine in which KVM failed.
const FAILED: &str = "kvm-failed";

/// Whether this account may use KVM, and no attempt since the last boot of this machine has failed.
pub(crate) fn is_worth_a_try(cache: &Cache) -> bool {
    let opened = OpenOptions::new().read(true).write(true).open("/dev/kvm");
    opened.is_ok() && !has_failed(cache, &boot())
}

pub(crate) fn remember_failure(cache: &Cache) {
    // If it cannot be remembered, KVM is tried again next time.
    let _ = fs::write(cache.root().join(FAILED), boot());
}

fn has_failed(cache: &Cache, boot: &str) -> bool {
    fs::read_to_string(cache.root().join(FAILED)).is_ok_and(|failed| failed == boot)
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_remembered_for_this_boot_only() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path());
        assert!(!has_failed(&cache, &boot()));
        remember_failure(&cache);
        assert!(has_failed(&cache, &boot()));
        assert!(!has_failed(&cache, "another boot"));
    }
}
