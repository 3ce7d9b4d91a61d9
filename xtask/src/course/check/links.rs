//! Links inside the repository lead to a file, and to a heading where they name one.

use std::{fs, path::Path};

use super::{
    files::Course,
    finding::Findings,
    text::{Kind, Line, Text},
};

pub(super) fn links_lead_somewhere(course: &Course, findings: &mut Findings) {
    let lessons = course.lessons.iter().map(|folder| &folder.text);
    for text in lessons.chain([&course.readme, &course.syllabus]) {
        for line in text.lines.iter().filter(|line| line.kind != Kind::Code) {
            for target in targets(&line.text) {
                if let Some(problem) = problem(&course.root, text, target) {
                    findings.add(&text.path, line.number, format!("{target}: {problem}"));
                }
            }
        }
    }
}

/// What is wrong with it. Other hosts are not asked: a check must not need a network.
fn problem(root: &Path, from: &Text, target: &str) -> Option<&'static str> {
    if target.contains("://") {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let place = match file {
        "" => root.join(&from.path),
        _ => root.join(from.path.parent()?).join(file),
    };
    if !place.exists() {
        return Some("there is no such file");
    }
    if heading.is_empty() {
        return None;
    }
    let Ok(text) = fs::read_to_string(&place) else {
        return Some("only a text has headings");
    };
    let text = Text::new(place, &text);
    let mut headings = text.lines.iter().filter_map(Line::heading);
    if headings.any(|it| anchor(it) == heading) {
        return None;
    }
    Some("that file has no such heading")
}

/// What stands in the parentheses of `[…](…)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let rests = line.split("](").skip(1);
    rests.filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

/// `without-root` of `Without root`, as the hosts of repositories make it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter_map(|letter| match letter {
        ' ' | '-' => Some('-'),
        '_' => Some('_'),
        _ => letter.is_alphanumeric().then_some(letter),
    });
    kept.collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check::samples::told_of;

    #[test]
    fn links_to_missing_files_and_headings_are_told_with_their_line() {
        let root = tempfile::tempdir().unwrap();
        let text = "# Where it is\n[a](README.md#where-it-is) [b](#where-it-is)\n\
                    [c](no.md) [d](#nowhere) [e](https://host/x#y)\n";
        fs::write(root.path().join("README.md"), text).unwrap();
        let told = told_of(links_lead_somewhere, |course| {
            course.root = root.path().to_path_buf();
            course.readme = Text::new("README.md".into(), text);
            course.syllabus = Text::new("lessons/README.md".into(), "");
            course.lessons.clear();
        });
        let expected = [
            "README.md:3: no.md: there is no such file",
            "README.md:3: #nowhere: that file has no such heading",
        ];
        assert_eq!(told, expected);
    }
}
