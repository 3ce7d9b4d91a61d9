//! Which files still lie in the folios that they were written in, as far as the kernel tells.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::collapse::Collapses;

/// The files that a lesson has made, each with the work that `khugepaged` had done by then.
pub(crate) struct MadeFiles {
    known: Collapses,
    files: RefCell<BTreeMap<PathBuf, Collapses>>,
}

impl MadeFiles {
    /// No file yet, on a machine whose `khugepaged` has done this much.
    pub(crate) fn none(known: Collapses) -> Self {
        let files = RefCell::default();
        MadeFiles { known, files }
    }

    /// Waits until huge pages that are being made are finished. Any made later
    /// [perturb](Self::is_perturbed) the scenario.
    pub(crate) fn settle(&mut self) {
        self.known = Collapses::settled(self.known);
    }

    /// Whether huge pages have been made since the last call of [`settle`](Self::settle).
    pub(crate) fn is_perturbed(&self) -> bool {
        Collapses::now() != self.known
    }

    /// Records that a file was made after the last call of [`settle`](Self::settle).
    pub(crate) fn note(&self, path: &Path) {
        self.files.borrow_mut().insert(path.to_owned(), self.known);
    }

    /// Whether no huge page had been made since the file was, by the last call of
    /// [`settle`](Self::settle).
    ///
    /// The kernel does not say which file a huge page belongs to, so it may be any. It may even be one that
    /// is no longer mapped, because `khugepaged` finishes its work after the mapping is gone.
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
        let mut made = MadeFiles::none(Collapses(Some(1)));
        let (path, other) = (Path::new("data"), Path::new("other"));
        assert!(made.is_intact(path), "nothing is known about it");
        made.note(path);
        assert!(made.is_intact(path));
        made.known = Collapses(Some(2));
        made.note(other);
        assert!(!made.is_intact(path) && made.is_intact(other));
        made.note(path);
        assert!(made.is_intact(path));
    }
}
