//! The text asks the questions of the predictions, word for word.

use super::{
    files::Lesson,
    finding::Findings,
    rules::{Own, Rules},
    text::{Line, Text},
};

pub(super) fn questions_point_at_sections(lesson: &Lesson, findings: &mut Findings) {
    for prediction in &lesson.file.predictions {
        let section = &prediction.section;
        if lesson.text.section(section).is_none() {
            let what = format!("the text has no heading {section}");
            lesson.blame(&prediction.question, what, findings);
        }
    }
}

pub(super) fn questions_stand_in_the_text(
    lesson: &Lesson,
    _: &Own,
    rules: &Rules,
    findings: &mut Findings,
) {
    let (asked, bounds) = (&lesson.file.predictions, rules.questions());
    if !bounds.contains(&asked.len()) {
        let what = format!("{} questions, and {bounds:?} are wanted", asked.len());
        lesson.blame(lesson.id(), what, findings);
    }
    let mut items = items(&lesson.text).into_iter();
    for prediction in asked {
        let question = &prediction.question;
        match items.next() {
            Some((_, item)) if item == *question => {}
            Some((line, _)) => {
                let what = format!("this item is not: {question}");
                findings.add(&lesson.text.path, line, what);
            }
            None => {
                let what = format!("the list in Predict lacks: {question}");
                lesson.blame(question, what, findings);
            }
        }
    }
    for (line, _) in items {
        let what = "no prediction asks this item";
        findings.add(&lesson.text.path, line, what);
    }
}

/// The numbered items of the list in `Predict`, each joined to one line, with the line of its beginning.
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
    use crate::course::check::samples::{found, found_of_own};

    #[test]
    fn questions_that_only_text_or_file_asks_are_found() {
        let check = questions_stand_in_the_text;
        let other = found_of_own(check, "   How many faults?\n", "   How few faults?\n");
        let what =
            "lessons/01-sample/README.md:9: this item is not: You touch it. How many faults?";
        assert_eq!(other, [what]);
        let fewer = found_of_own(check, "2. And how many calls?\n", "");
        assert!(fewer[0].contains("lacks: And how many calls?"), "{fewer:?}");
        let more = found_of_own(check, "calls?\n", "calls?\n3. And why?\n");
        assert!(more[0].contains("no prediction asks this"), "{more:?}");
    }

    #[test]
    fn a_question_whose_section_is_missing_is_found() {
        let found = found(
            questions_point_at_sections,
            "section = \"Run\"",
            "section = \"Nowhere\"",
        );
        assert!(found[0].contains("no heading Nowhere"), "{found:?}");
    }
}
