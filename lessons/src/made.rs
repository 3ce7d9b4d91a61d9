//! Which files still lie in the folios that they were written in, as far as can be told.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::collapse::Collapses;

/// The files of a lesson, and what `khugepaged` had done when each was made.
pub(crate) struct Made {
    known: Collapses,
    files: RefCell<BTreeMap<PathBuf, Collapses>>,
}

impl Made {
    /// Nothing yet, on a machine on which so much has been done.
    pub(crate) fn nothing(known: Collapses) -> Self {
        let files = RefCell::default();
        Made { known, files }
    }

    /// Lets huge pages get ready that are being made. What is done after this [disturbs](Self::is_disturbed).
    pub(crate) fn settle(&mut self) {
        self.known = Collapses::settled(self.known);
    }

    /// Whether huge pages have been made since it was settled.
    pub(crate) fn is_disturbed(&self) -> bool {
        Collapses::now() != self.known
    }

    /// A file has been made since it was settled.
    pub(crate) fn note(&self, path: &Path) {
        self.files.borrow_mut().insert(path.to_owned(), self.known);
    }

    /// Whether nothing had been made one by the time it was settled. Which file it was is not told, so it
    /// may be any; and it may be one that is mapped no longer, because the work outlives the mapping that
    /// it was found by.
    pub(crate) fn is_intact(&self, path: &Path) -> bool {
        let made = self.files.borrow().get(path).copied();
        made.is_none_or(|then| then == self.known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_intact_until_a_huge_page_is_made() {
        let mut made = Made::nothing(Collapses(Some(1)));
        let (path, other) = (Path::new("data"), Path::new("other"));
        assert!(made.is_intact(path), "nobody knows otherwise");
        made.note(path);
        assert!(made.is_intact(path));
        made.known = Collapses(Some(2));
        made.note(other);
        assert!(!made.is_intact(path) && made.is_intact(other));
        made.note(path);
        assert!(made.is_intact(path));
    }
}
