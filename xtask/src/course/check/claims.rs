//! The text contains the sentences that claims quote, and the sections that claims, reasons, tables and charts
//! name.

use super::{files::Lesson, finding::Findings};

pub(super) fn sentences_stand_in_their_sections(lesson: &Lesson, findings: &mut Findings) {
    for claim in &lesson.file.claims {
        let (section, sentence) = (&claim.section, &claim.sentence);
        match lesson.text.section(section) {
            None => lesson.blame(
                sentence,
                format!("the text has no heading {section}"),
                findings,
            ),
            Some(mut lines) => {
                if !lines.any(|line| line.text == *sentence) {
                    let what = format!("no line of {section} is: {sentence}");
                    lesson.blame(sentence, what, findings);
                }
            }
        }
    }
}

pub(super) fn reasons_point_at_sections(lesson: &Lesson, findings: &mut Findings) {
    for difference in &lesson.file.differences {
        let section = &difference.section;
        if lesson.text.section(section).is_none() {
            let what = format!("the text has no heading {section}");
            lesson.blame(&difference.because, what, findings);
        }
    }
}

pub(super) fn numbers_stand_beside_sections(lesson: &Lesson, findings: &mut Findings) {
    let tables = lesson.file.tables.iter().map(|it| (&it.title, &it.section));
    let charts = lesson.file.charts.iter().map(|it| (&it.title, &it.section));
    for (title, section) in tables.chain(charts) {
        if lesson.text.section(section).is_none() {
            let what = format!("the text has no heading {section}");
            lesson.blame(title, what, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check::samples::found;

    #[test]
    fn a_claim_without_its_sentence_in_the_text_is_found() {
        let found = found(
            sentences_stand_in_their_sections,
            "\nA load faults.\n",
            "\nA load faults, mostly.\n",
        );
        let what = "lessons/01-sample/lesson.toml:20: no line of Explain is: A load faults.";
        assert_eq!(found, [what]);
    }

    #[test]
    fn missing_sections_are_found() {
        let of_claim = found(
            sentences_stand_in_their_sections,
            "section = \"Explain\"\nsettles",
            "section = \"Nowhere\"\nsettles",
        );
        assert!(of_claim[0].contains("no heading Nowhere"), "{of_claim:?}");
        let of_reason = found(
            reasons_point_at_sections,
            "section = \"Detail\"",
            "section = \"Nowhere\"",
        );
        assert!(of_reason[0].contains("no heading Nowhere"), "{of_reason:?}");
        let of_table = found(
            numbers_stand_beside_sections,
            "title = \"Touching\"\nsection = \"Look\"",
            "title = \"Touching\"\nsection = \"Nowhere\"",
        );
        assert!(of_table[0].contains("no heading Nowhere"), "{of_table:?}");
    }
}
