//! What a claim quotes must stand in the text.

use super::{files::Folder, finding::Findings};

pub(super) fn sentences_stand_in_their_sections(folder: &Folder, findings: &mut Findings) {
    for claim in &folder.file.claims {
        let (section, sentence) = (claim.section.get_ref(), claim.sentence.get_ref());
        match folder.text.section(section) {
            None => {
                let what = format!("the text has no heading {section}");
                folder.blame(&claim.section, what, findings);
            }
            Some(mut lines) => {
                if !lines.any(|line| line.text == *sentence) {
                    let what = format!("no line of {section} is: {sentence}");
                    folder.blame(&claim.sentence, what, findings);
                }
            }
        }
    }
}

pub(super) fn reasons_point_at_sections(folder: &Folder, findings: &mut Findings) {
    for difference in &folder.file.differences {
        let section = difference.section.get_ref();
        if folder.text.section(section).is_none() {
            let what = format!("the text has no heading {section}");
            folder.blame(&difference.section, what, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check::samples::told;

    #[test]
    fn a_check_without_its_sentence_in_the_text_is_told() {
        let told = told(
            sentences_stand_in_their_sections,
            "\nA load faults.\n",
            "\nA load faults, mostly.\n",
        );
        let what = "lessons/01-sample/lesson.toml:19: no line of Explain is: A load faults.";
        assert_eq!(told, [what]);
    }

    #[test]
    fn a_section_that_is_not_there_is_told() {
        let claim = told(
            sentences_stand_in_their_sections,
            "section = \"Explain\"\nsettles",
            "section = \"Nowhere\"\nsettles",
        );
        assert!(claim[0].contains("no heading Nowhere"), "{claim:?}");
        let reason = told(
            reasons_point_at_sections,
            "section = \"Detail\"",
            "section = \"Nowhere\"",
        );
        assert!(reason[0].contains("no heading Nowhere"), "{reason:?}");
    }
}
