//! Loads and stores that the compiler can neither omit nor merge.

use crate::page_bytes;

/// Loads the first byte of each page and adds them up.
#[must_use]
pub fn touch_each_page(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .step_by(page_bytes())
        // SAFETY: a reference is valid for reads.
        .map(|byte| u64::from(unsafe { std::ptr::from_ref(byte).read_volatile() }))
        .sum()
}

/// Loads every byte and adds them up, eight at a time.
#[must_use]
pub fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let rest = rest.iter().map(|byte| u64::from(*byte));
    // The compiler must assume that the result is used, and with it every byte.
    std::hint::black_box(words.chain(rest).fold(0, u64::wrapping_add))
}

/// Stores one byte at the beginning of each page and returns the number of pages.
pub fn store_each_page(bytes: &mut [u8], value: u8) -> u64 {
    let mut pages = 0;
    for byte in bytes.iter_mut().step_by(page_bytes()) {
        // SAFETY: a mutable reference is valid for writes.
        unsafe { std::ptr::from_mut(byte).write_volatile(value) };
        pages += 1;
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_is_touched_once() {
        let page = page_bytes();
        let mut bytes = vec![0; 3 * page + 1];
        assert_eq!(store_each_page(&mut bytes, 7), 4);
        assert_eq!(touch_each_page(&bytes), 28);
        assert_eq!(sum(&bytes), 28);
        assert_eq!(touch_each_page(&[]), 0);
    }

    #[test]
    fn a_sum_depends_on_every_byte() {
        let mut bytes = vec![0_u8; 8 * 5 + 3];
        for place in 0..bytes.len() {
            bytes[place] = 1;
            assert_ne!(sum(&bytes), 0, "{place}");
            bytes[place] = 0;
        }
        assert_eq!(sum(&[1, 1, 0, 0, 0, 0, 0, 0]), 257);
    }

    #[test]
    fn sums_of_pieces_of_whole_words_add_up_to_the_sum_of_the_whole() {
        let bytes: Vec<u8> = (0..4096_u32).map(|value| value as u8 ^ 0x5A).collect();
        let pieces = bytes.chunks(512).map(sum).fold(0, u64::wrapping_add);
        assert_eq!(pieces, sum(&bytes));
    }
}
