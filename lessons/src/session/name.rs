//! Names on the session page: UTF-8 bytes, padded with zeros.

use std::sync::atomic::Ordering::Relaxed;

use mmap_trace_ebpf::session::{NAME_BYTES, Name};

pub(super) fn fits(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES && !name.contains('\0')
}

/// Writes a name that [`fits`].
pub(super) fn write(place: &Name, name: &str) {
    let bytes = name.bytes().chain(std::iter::repeat(0));
    for (target, byte) in place.iter().zip(bytes) {
        target.store(byte, Relaxed);
    }
}

pub(crate) fn text(place: &Name) -> String {
    let bytes: Vec<u8> = place
        .iter()
        .map(|byte| byte.load(Relaxed))
        .take_while(|byte| *byte != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU8;

    #[test]
    fn a_name_is_read_as_it_was_written() {
        let place: Name = [const { AtomicU8::new(7) }; NAME_BYTES];
        for name in ["null", &"x".repeat(NAME_BYTES)] {
            assert!(fits(name));
            write(&place, name);
            assert_eq!(text(&place), name);
        }
    }

    #[test]
    fn empty_names_names_with_nul_and_long_names_do_not_fit() {
        assert!(!fits(""));
        assert!(!fits("a\0b"));
        assert!(!fits(&"x".repeat(NAME_BYTES + 1)));
    }
}
