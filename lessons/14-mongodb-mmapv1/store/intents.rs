//! Which bytes were stored since the last group commit: the write intents of `dur_commitjob.h`.

use anyhow::{Result, ensure};
use lessons::page_bytes;

use super::disk_loc::DiskLoc;

/// Bytes that were stored at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Intent {
    pub(crate) place: DiskLoc,
    pub(crate) bytes: i32,
}

/// A list whose memory is there from the beginning, so that a store costs no fault but its own.
pub(crate) struct Intents {
    list: Vec<Intent>,
}

impl Intents {
    /// Room for so many.
    pub(crate) fn with_room_for(count: usize) -> Self {
        let filler = Intent {
            place: DiskLoc::NULL,
            bytes: -1,
        };
        let mut list = vec![filler; count];
        std::hint::black_box(&mut list[..]);
        list.clear();
        Intents { list }
    }

    /// Declares a store that is about to happen.
    pub(crate) fn declare(&mut self, place: DiskLoc, bytes: i32) -> Result<()> {
        if let Some(last) = self.list.last_mut()
            && last.place.plus(last.bytes) == place
        {
            last.bytes += bytes;
            return Ok(());
        }
        ensure!(
            self.list.len() < self.list.capacity(),
            "{} stores wait for a group commit, and there is no room for more; commit earlier",
            self.list.len()
        );
        self.list.push(Intent { place, bytes });
        Ok(())
    }

    /// Sorts them by place and merges those that touch or overlap, in place and without new memory.
    pub(crate) fn merge(&mut self) {
        self.list.sort_unstable();
        self.list.dedup_by(|next, earlier| {
            let end = earlier.place.plus(earlier.bytes);
            let meet = next.place.file == end.file && next.place.offset <= end.offset;
            if meet {
                let reach = next.place.offset + next.bytes - earlier.place.offset;
                earlier.bytes = earlier.bytes.max(reach);
            }
            meet
        });
    }

    /// Different pages that they lie in, counted without new memory.
    pub(crate) fn touched_pages(&mut self) -> usize {
        self.merge();
        let page = page_bytes();
        let mut count = 0;
        let mut last = None;
        for Intent { place, bytes } in self.iter() {
            let start = place.offset.unsigned_abs() as usize;
            let end = start + bytes.unsigned_abs() as usize;
            for number in start / page..end.div_ceil(page) {
                let this = Some((place.file, number));
                count += usize::from(this != last);
                last = this;
            }
        }
        count
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Intent> + '_ {
        self.list.iter().copied()
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(stores: &[(i32, i32, i32)]) -> Vec<(i32, i32, i32)> {
        let mut intents = Intents::with_room_for(stores.len());
        for &(file, offset, bytes) in stores {
            intents
                .declare(DiskLoc { file, offset }, bytes)
                .expect("room");
        }
        intents.merge();
        let list = intents.iter();
        list.map(|intent| (intent.place.file, intent.place.offset, intent.bytes))
            .collect()
    }

    #[test]
    fn stores_that_touch_or_overlap_become_one() {
        assert_eq!(merged(&[(0, 8, 8), (0, 0, 8)]), [(0, 0, 16)]);
        assert_eq!(merged(&[(0, 4, 20), (0, 0, 8), (0, 8, 4)]), [(0, 0, 24)]);
        assert_eq!(merged(&[(0, 0, 8), (0, 0, 8)]), [(0, 0, 8)]);
    }

    #[test]
    fn a_page_is_counted_once_however_many_stores_it_took() {
        let page = i32::try_from(page_bytes()).expect("small");
        let mut intents = Intents::with_room_for(9);
        for (file, offset, bytes) in [
            (0, 0, 8),
            (0, page - 4, 8),
            (0, 100, 8),
            (1, 16, 8),
            (0, 9 * page, 2 * page + 1),
        ] {
            let place = DiskLoc { file, offset };
            intents.declare(place, bytes).expect("room");
        }
        assert_eq!(intents.touched_pages(), 2 + 1 + 3);
    }

    #[test]
    fn stores_apart_and_in_other_files_stay_apart() {
        let apart = [(0, 0, 8), (0, 9, 8), (1, 17, 8)];
        assert_eq!(merged(&apart), apart);
    }

    #[test]
    fn more_than_there_is_room_for_is_an_error_and_not_lost() {
        let mut intents = Intents::with_room_for(1);
        let place = |offset| DiskLoc { file: 0, offset };
        intents.declare(place(0), 8).expect("room");
        intents.declare(place(8), 8).expect("the same stretch");
        let error = intents.declare(place(99), 8).expect_err("full");
        assert!(error.to_string().contains("commit earlier"), "{error}");
        assert_eq!(intents.len(), 1);
    }
}
