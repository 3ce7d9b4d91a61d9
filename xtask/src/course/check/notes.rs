//! The claims of the notes: which lesson owns which, and that something settles each.

use std::collections::BTreeSet;

use super::{
    files::{Course, Folder},
    finding::Findings,
};

/// How many claims the notes make.
pub(super) const CLAIMS: u32 = 44;

/// Claims of the notes, by the number of the lesson that owns them.
const OWNED: [(u32, &[u32]); 14] = [
    (1, &[1, 6, 8, 9, 11, 14, 16, 39]),
    (2, &[29, 32, 33, 34, 38]),
    (3, &[2, 3, 4, 12, 15, 17, 18, 26, 27, 28, 40]),
    (4, &[19]),
    (5, &[13]),
    (6, &[20, 21]),
    (7, &[22]),
    (8, &[7, 10, 24, 25]),
    (9, &[23, 41]),
    (10, &[30, 31, 35, 37]),
    (11, &[42]),
    (12, &[5]),
    (13, &[36, 43, 44]),
    (14, &[36]),
];

/// How many claims of the notes have a lesson.
pub(super) fn owned_in(course: &Course) -> usize {
    let notes = course.lessons.iter().flat_map(|it| &it.file.notes);
    notes
        .map(|note| *note.claim.get_ref())
        .collect::<BTreeSet<_>>()
        .len()
}

pub(super) fn owned_claims_are_settled(folder: &Folder, findings: &mut Findings) {
    let file = &folder.file;
    let row = OWNED.iter().find(|(number, _)| *number == folder.number);
    let owned = row.map_or(&[][..], |(_, owned)| owned);
    let notes: Vec<u32> = file
        .notes
        .iter()
        .map(|note| *note.claim.get_ref())
        .collect();
    if notes != owned {
        let what = format!("it has the claims {notes:?} of the notes, and owns {owned:?}");
        folder.blame(&file.lesson.id, what, findings);
    }
    for claim in &file.claims {
        for number in claim.settles.get_ref() {
            if !(1..=CLAIMS).contains(number) {
                let what = format!("the notes have no claim {number}");
                folder.blame(&claim.settles, what, findings);
            }
        }
    }
    let settled = |number| {
        let mut claims = file.claims.iter();
        claims.any(|claim| claim.settles.get_ref().contains(number))
    };
    for note in &file.notes {
        let number = note.claim.get_ref();
        if !settled(number) {
            let what = format!("nothing settles claim {number} of the notes");
            folder.blame(&note.claim, what, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check::samples::told;

    #[test]
    fn every_claim_of_the_notes_has_one_owner_and_claim_36_has_two() {
        let mut owned: Vec<u32> = OWNED
            .iter()
            .flat_map(|(_, owned)| *owned)
            .copied()
            .collect();
        owned.sort_unstable();
        let mut expected: Vec<u32> = (1..=CLAIMS).chain([36]).collect();
        expected.sort_unstable();
        assert_eq!(owned, expected);
    }

    #[test]
    fn a_claim_of_the_notes_that_nothing_settles_is_told() {
        let told = told(owned_claims_are_settled, "14, 16, 39]", "14, 16]");
        let what = "lessons/01-sample/lesson.toml:59: nothing settles claim 39 of the notes";
        assert_eq!(told, [what]);
    }

    #[test]
    fn a_claim_of_the_notes_that_another_lesson_owns_is_told() {
        let told = told(owned_claims_are_settled, "claim = 39", "claim = 40");
        assert!(
            told[0].contains("and owns [1, 6, 8, 9, 11, 14, 16, 39]"),
            "{told:?}"
        );
    }

    #[test]
    fn a_claim_that_the_notes_do_not_make_is_told() {
        let told = told(owned_claims_are_settled, "16, 39]", "16, 39, 45]");
        assert!(told[0].ends_with("the notes have no claim 45"), "{told:?}");
    }
}
