//! What a process holds in memory: buffers that are present, and how much of its memory is its own.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use memmap2::{MmapMut, MmapOptions};

/// Returns a page-aligned buffer whose pages are all present, so that filling it takes no fault.
pub fn touched_buffer(bytes: usize) -> Result<MmapMut> {
    let mut buffer = MmapOptions::new()
        .len(bytes)
        .map_anon()
        .with_context(|| format!("mmap(anonymous, {bytes} bytes)"))?;
    // The compiler must not recognise the fill as "already zero", which would leave the pages absent.
    buffer.fill(0xA5);
    std::hint::black_box(&mut buffer[..]);
    Ok(buffer)
}

/// The memory of this process as `/proc/self/smaps_rollup` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Every page that is mapped.
    pub resident_bytes: i64,
    /// The same, except that a page mapped by n processes counts one n-th.
    pub proportional_bytes: i64,
    /// Pages that belong to no file: heap, stack and buffers.
    pub anonymous_bytes: i64,
}

impl Footprint {
    pub fn now() -> Result<Self> {
        let path = "/proc/self/smaps_rollup";
        let text = std::fs::read_to_string(path).with_context(|| format!("read {path}"))?;
        Self::parse(&text)
            .with_context(|| format!("{path} has no Rss, Pss or Anonymous line in kB"))
    }

    fn parse(text: &str) -> Option<Self> {
        let fields: BTreeMap<&str, i64> = text
            .lines()
            .filter_map(|line| {
                let (name, rest) = line.split_once(':')?;
                let kib = rest.trim().strip_suffix("kB")?.trim();
                Some((name, kib.parse::<i64>().ok()? * 1024))
            })
            .collect();
        Some(Footprint {
            resident_bytes: *fields.get("Rss")?,
            proportional_bytes: *fields.get("Pss")?,
            anonymous_bytes: *fields.get("Anonymous")?,
        })
    }

    #[must_use]
    pub fn growth_since(self, earlier: Footprint) -> Footprint {
        Footprint {
            resident_bytes: self.resident_bytes - earlier.resident_bytes,
            proportional_bytes: self.proportional_bytes - earlier.proportional_bytes,
            anonymous_bytes: self.anonymous_bytes - earlier.anonymous_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smaps_rollup_is_read_in_bytes() {
        let text = "55d0-7ffe ---p 00000000 00:00 0    [rollup]\n\
                    Rss:                 812 kB\nPss:                 143 kB\nPss_Anon: 7 kB\n\
                    Anonymous:            92 kB\nTHPeligible:    0\n";
        let footprint = Footprint::parse(text).expect("complete");
        assert_eq!(footprint.resident_bytes, 812 * 1024);
        assert_eq!(footprint.proportional_bytes, 143 * 1024);
        assert_eq!(footprint.anonymous_bytes, 92 * 1024);
        assert!(Footprint::parse("Rss: 1 kB\n").is_none());
    }

    #[test]
    fn a_touched_buffer_is_anonymous_memory() {
        let before = Footprint::now().expect("readable");
        let buffer = touched_buffer(8 << 20).expect("room");
        let growth = Footprint::now().expect("readable").growth_since(before);
        assert!(growth.anonymous_bytes >= 7 << 20, "{growth:?}");
        assert_eq!(buffer.len(), 8 << 20);
    }
}
