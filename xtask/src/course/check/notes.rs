//! The claims of the mmap notes: which lesson owns which, and that each is settled there.

use std::{collections::BTreeSet, path::Path};

use super::{
    files::{Course, Lesson, RULES},
    finding::Findings,
    rules::{Own, Rules},
};

/// How many claims of the mmap notes have a lesson.
pub(super) fn settled_in(course: &Course) -> usize {
    let notes = course.lessons.iter().flat_map(|it| &it.file.notes);
    notes.map(|note| note.claim).collect::<BTreeSet<_>>().len()
}

pub(super) fn owned_claims_are_settled(
    lesson: &Lesson,
    own: &Own,
    rules: &Rules,
    findings: &mut Findings,
) {
    let file = &lesson.file;
    let notes: Vec<u32> = file.notes.iter().map(|note| note.claim).collect();
    if notes != own.notes {
        let owned = &own.notes;
        let what =
            format!("it holds the claims {notes:?} of the mmap notes, and {RULES} has {owned:?}");
        lesson.blame(lesson.id(), what, findings);
    }
    for claim in &file.claims {
        for number in &claim.settles {
            if !(1..=rules.notes).contains(number) {
                let what = format!("the mmap notes have no claim {number}");
                lesson.blame(&claim.sentence, what, findings);
            }
        }
    }
    for note in &file.notes {
        let number = note.claim;
        if !file
            .claims
            .iter()
            .any(|claim| claim.settles.contains(&number))
        {
            let what = format!("nothing settles claim {number} of the mmap notes");
            lesson.blame(&format!("claim = {number}"), what, findings);
        }
    }
}

pub(super) fn every_claim_has_an_owner(course: &Course, findings: &mut Findings) {
    let lessons = &course.rules.lessons;
    for number in 1..=course.rules.notes {
        if !lessons.iter().any(|own| own.notes.contains(&number)) {
            let what = format!("claim {number} of the mmap notes belongs to no lesson");
            findings.add(Path::new(RULES), 1, what);
        }
    }
    for own in lessons {
        if !course.lessons.iter().any(|lesson| lesson.id() == own.id) {
            let what = format!("there is no lesson {}", own.id);
            findings.add(Path::new(RULES), 1, what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check::samples::{found_of_course, found_of_own};

    #[test]
    fn a_claim_of_the_notes_that_nothing_settles_is_found() {
        let found = found_of_own(
            owned_claims_are_settled,
            "settles = [1, 2]",
            "settles = [1]",
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].ends_with("nothing settles claim 2 of the mmap notes"),
            "{found:?}"
        );
    }

    #[test]
    fn claims_that_belong_elsewhere_or_nowhere_are_found() {
        let check = owned_claims_are_settled;
        let other = found_of_own(check, "claim = 2\n", "claim = 3\n");
        assert!(other[0].contains("has [1, 2]"), "{other:?}");
        let none = found_of_own(check, "settles = [1, 2]", "settles = [1, 2, 3]");
        assert!(
            none[0].ends_with("the mmap notes have no claim 3"),
            "{none:?}"
        );
        let unowned = found_of_course(every_claim_has_an_owner, |it| it.rules.notes = 3);
        assert!(
            unowned[0].contains("claim 3 of the mmap notes belongs to no lesson"),
            "{unowned:?}"
        );
    }
}
