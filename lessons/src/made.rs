//! Which files still lie in the folios that they were written in, as far as can be told.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::collapse::Collapses;

/// The files of a lesson, and what `khugepaged` had done when each was made.
#[derive(Default)]
pub(crate) struct Made(RefCell<BTreeMap<PathBuf, Collapses>>);

impl Made {
    /// A file has been made by now.
    pub(crate) fn note(&self, path: &Path) {
        self.0
            .borrow_mut()
            .insert(path.to_owned(), Collapses::now());
    }

    /// Whether nothing has been made one since. Which file it was is not told, so it may be any; and it
    /// may be one that is mapped no longer, because the work outlives the mapping that it was found by.
    pub(crate) fn is_intact(&self, path: &Path) -> bool {
        let known = self.0.borrow().get(path).copied();
        known.is_none_or(|then| then == Collapses::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_intact_until_a_huge_page_is_made() {
        let made = Made::default();
        let (path, other) = (Path::new("data"), Path::new("other"));
        assert!(made.is_intact(path), "nobody knows otherwise");
        made.0
            .borrow_mut()
            .insert(path.to_owned(), Collapses::one_less());
        made.note(other);
        assert!(!made.is_intact(path));
        made.note(path);
        assert!(made.is_intact(path));
    }
}
