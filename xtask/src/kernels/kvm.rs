//! Whether KVM is worth a try: that `/dev/kvm` can be opened is no proof that it works. In a virtual
//! machine QEMU may fail at once, and then nothing changes until the next boot.

use std::fs::{self, OpenOptions};

use crate::cache::Cache;

/// In the cache: the boot of this machine in which KVM failed.
const FAILED: &str = "kvm-failed";

/// Whether this account may use KVM, and no attempt of this boot has failed.
pub(crate) fn is_worth_a_try(cache: &Cache) -> bool {
    let opened = OpenOptions::new().read(true).write(true).open("/dev/kvm");
    opened.is_ok() && !has_failed(cache, &boot())
}

/// Remembers a failure until the next boot.
pub(crate) fn remember_failure(cache: &Cache) {
    // Where it cannot be remembered, it is tried again.
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
