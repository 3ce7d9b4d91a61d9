//! What is asked before the run stands in the text, word for word.

use super::{
    files::Folder,
    finding::Findings,
    text::{Line, Text},
};

/// Questions of a lesson: enough to think, and not a test.
const QUESTIONS: std::ops::RangeInclusive<usize> = 2..=4;

pub(super) fn questions_stand_in_the_text(folder: &Folder, findings: &mut Findings) {
    let asked = &folder.file.predictions;
    if !QUESTIONS.contains(&asked.len()) {
        let what = format!("{} questions are not {QUESTIONS:?}", asked.len());
        folder.blame(&folder.file.lesson.id, what, findings);
    }
    let mut items = items(&folder.text).into_iter();
    for prediction in asked {
        let question = prediction.question.get_ref();
        match items.next() {
            Some((_, item)) if item == *question => {}
            Some((line, _)) => findings.add(
                &folder.text.path,
                line,
                format!("this item is not: {question}"),
            ),
            None => {
                let what = format!("the list in Predict lacks: {question}");
                folder.blame(&prediction.question, what, findings);
            }
        }
        let section = prediction.section.get_ref();
        if folder.text.section(section).is_none() {
            let what = format!("the text has no heading {section}");
            folder.blame(&prediction.section, what, findings);
        }
    }
    for (line, _) in items {
        findings.add(&folder.text.path, line, "nobody asks this item");
    }
}

/// The numbered items of the list in `Predict`, each in one line, with the line where it begins.
fn items(text: &Text) -> Vec<(usize, String)> {
    let mut items: Vec<(usize, String)> = Vec::new();
    for Line { number, text, .. } in text.section("Predict").into_iter().flatten() {
        let next = format!("{}. ", items.len() + 1);
        match (text.strip_prefix(&next), text.strip_prefix("   ")) {
            (Some(first), _) => items.push((*number, first.to_owned())),
            (None, Some(more)) => {
                if let Some((_, item)) = items.last_mut() {
                    item.push(' ');
                    item.push_str(more);
                }
            }
            (None, None) => {}
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check::samples::told;

    #[test]
    fn a_question_that_the_text_does_not_ask_is_told() {
        let other = told(
            questions_stand_in_the_text,
            "   How many faults?\n",
            "   How few faults?\n",
        );
        let what =
            "lessons/01-sample/README.md:9: this item is not: You touch it. How many faults?";
        assert_eq!(other, [what]);
        let fewer = told(questions_stand_in_the_text, "2. And how many calls?\n", "");
        assert!(fewer[0].contains("lacks: And how many calls?"), "{fewer:?}");
        let more = told(
            questions_stand_in_the_text,
            "calls?\n",
            "calls?\n3. And why?\n",
        );
        assert!(more[0].contains("nobody asks this item"), "{more:?}");
    }

    #[test]
    fn a_question_whose_section_is_not_there_is_told() {
        let told = told(
            questions_stand_in_the_text,
            "section = \"Run\"",
            "section = \"Nowhere\"",
        );
        assert!(told[0].contains("no heading Nowhere"), "{told:?}");
    }
}
