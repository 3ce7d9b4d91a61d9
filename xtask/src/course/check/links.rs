//! Links inside the repository lead to a file, and to a heading if they name one.

use std::{fs, path::Path};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::{files::Course, finding::Findings, text::Text};

pub(super) fn links_lead_somewhere(course: &Course, findings: &mut Findings) {
    let lessons = course.lessons.iter().map(|lesson| &lesson.text);
    for text in lessons.chain([&course.readme, &course.syllabus]) {
        for (target, line) in targets(&text.raw) {
            if let Some(problem) = problem(&course.root, text, &target) {
                findings.add(&text.path, line, format!("{target}: {problem}"));
            }
        }
    }
}

/// What is wrong with a link. Other hosts are not asked, because a check must not need a network.
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
    if anchors(&text).iter().any(|anchor| anchor == heading) {
        return None;
    }
    Some("that file has no such heading")
}

fn parser(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
}

/// The targets of all links and images, with their lines.
fn targets(text: &str) -> Vec<(String, usize)> {
    let target = |(event, range): (Event<'_>, std::ops::Range<usize>)| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            let line = 1 + text[..range.start].matches('\n').count();
            Some((dest_url.into_string(), line))
        }
        _ => None,
    };
    parser(text).into_offset_iter().filter_map(target).collect()
}

/// `without-root` of the heading `Without root`, as hosts of repositories make it.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors = Vec::new();
    let mut heading: Option<String> = None;
    for event in parser(text) {
        match (event, &mut heading) {
            (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
            (Event::Text(text) | Event::Code(text), Some(heading)) => heading.push_str(&text),
            (Event::End(TagEnd::Heading(_)), _) => anchors.extend(heading.take()),
            _ => {}
        }
    }
    let anchor = |heading: String| {
        let kept = heading.chars().filter_map(|letter| match letter {
            ' ' | '-' => Some('-'),
            '_' => Some('_'),
            _ => letter.is_alphanumeric().then_some(letter),
        });
        kept.collect::<String>().to_lowercase()
    };
    anchors.into_iter().map(anchor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check::samples::found_of_course;

    #[test]
    fn links_to_missing_files_and_headings_are_found_with_their_lines() {
        let root = tempfile::tempdir().unwrap();
        let text = "# Where `it` is\n[a](README.md#where-it-is) [b](#where-it-is) `[x](y.md)`\n\
                    [c](no.md) [d](#nowhere) [e](https://host/x#y)\n";
        fs::write(root.path().join("README.md"), text).unwrap();
        let found = found_of_course(links_lead_somewhere, |course| {
            course.root = root.path().to_path_buf();
            course.readme = Text::new("README.md".into(), text);
            course.syllabus = Text::new("lessons/README.md".into(), "");
            course.lessons.clear();
        });
        let expected = [
            "README.md:3: no.md: there is no such file",
            "README.md:3: #nowhere: that file has no such heading",
        ];
        assert_eq!(found, expected);
    }
}
