//! Whole pages over the fixtures, and what must be true of each.

use serde_json::Value;

use super::*;
use crate::{
    course::{
        catalog,
        compare::compare,
        judge::claims::judge,
        lesson::file::LessonFile,
        notes,
        samples::{self, LESSON, PREDICTIONS, RECORDINGS, TEXT, count},
    },
    golden,
    metrics::Metric,
    record::Recording,
    text::number::thousands,
    weave::{LessonText, weave},
};

fn file() -> LessonFile {
    LessonFile::parse(&format!("{LESSON}{PREDICTIONS}")).unwrap()
}

/// The page of a Recording with the small lesson's text.
fn page(recording: &Recording) -> String {
    let file = file();
    let text = LessonText {
        file: &file,
        markdown: TEXT,
    };
    lesson(&weave(Some(text), recording)).unwrap()
}

/// The page of a Recording whose lesson is not known, or of a command.
fn bare(recording: &Recording) -> String {
    lesson(&weave(None, recording)).unwrap()
}

/// Compares a page with a file, without the style that all pages share.
fn assert_golden(name: &str, page: &str) {
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    let path = format!("tests/fixtures/pages/{name}.html");
    golden::assert(&path, &format!("{before}<style></style>{after}"));
}

/// A run with a failing claim, an unobservable one, and a wrong answer.
fn failing() -> Recording {
    let mut recording = samples::recording();
    count(&mut recording, "mmap-load", "copied_to_user_bytes").value = Some(4_096);
    samples::scenario(&mut recording, "read-4k").rounds = 0;
    let answers = r#"[{"id": "copies", "question": "How much is copied?", "section": "Look",
        "predicted": "a) nothing", "predicted_at": "2026-11-23T08:00:00Z", "result": "right",
        "answer": null, "sentence": null, "reason": null}]"#;
    recording.predictions = serde_json::from_str(answers).unwrap();
    recording
}

#[test]
fn a_page_sets_tables_and_verdicts_into_the_text() {
    assert_golden("small", &page(&samples::recording()));
}

#[test]
fn a_failing_run_shows_expected_and_observed_in_place() {
    let page = page(&failing());
    assert!(
        page.contains("expected <b>== 0</b>, observed <b>4,096</b>"),
        "{page}"
    );
    assert!(page.contains("the scenario read-4k was not finished"));
    assert!(page.contains("You said: <b>a) nothing</b>"));
    assert_golden("failing", &page);
}

#[test]
fn losses_and_an_incomplete_run_are_said_first() {
    let page = page(&samples::numbered(1));
    let head = page.split("<nav").next().unwrap();
    assert!(head.contains("The run is incomplete") && head.contains("Something is missing"));
    assert_golden("incomplete", &page);
}

#[test]
fn a_command_has_every_metric() {
    let recording = samples::numbered(2);
    let page = bare(&recording);
    for metric in Metric::ALL {
        let is_counted = recording.scenarios[0].counts.contains_key(metric.key());
        assert_eq!(
            page.contains(metric.label()),
            is_counted,
            "{}",
            metric.key()
        );
    }
    assert_golden("exec", &page);
}

#[test]
fn a_comparison_says_what_differs() {
    let mut other = samples::recording();
    other.machine.kernel = "6.1.0-56-cloud-amd64".to_owned();
    count(&mut other, "mmap-load", "faults").value = Some(17);
    let page = comparison(&compare(&[samples::recording(), other], None).unwrap()).unwrap();
    assert!(page.contains("1 count differs.") && page.contains("does not say why"));
    assert_golden("comparison", &page);
}

#[test]
fn the_claims_of_the_notes_are_a_page() {
    let file = file();
    let mut recording = failing();
    recording.claims = judge(&file, &recording);
    let page = ledger(&notes::ledger(&[file], &[recording]).unwrap()).unwrap();
    assert_golden("ledger", &page);
}

#[test]
fn every_claim_and_number_of_a_recording_is_in_its_page() {
    for number in 0..RECORDINGS.len() {
        let mut recording = samples::numbered(number);
        recording.claims = judge(&file(), &recording);
        for page in [page(&recording), bare(&recording)] {
            for claim in &recording.claims {
                assert!(
                    page.contains(&format!("<code>{}</code>", claim.id)),
                    "{}",
                    claim.id
                );
            }
            for scenario in &recording.scenarios {
                for (key, count) in &scenario.counts {
                    let parts = count.by.values().filter(|part| **part > 0);
                    for value in count.value.iter().chain(parts) {
                        let shown = format!("{}</td>", thousands(*value));
                        assert!(page.contains(&shown), "{} {key} {value}", scenario.name);
                    }
                }
                for observed in scenario.observed.values().filter_map(|it| it.value) {
                    assert!(
                        observed == 0 || page.contains(&thousands(observed)),
                        "{observed}"
                    );
                }
            }
        }
    }
}

const HOSTILE: &str = "\u{1b}]0;x\u{7}\u{202e}\u{2028}'\"><img src=x onerror=alert(1)><!--</style></script>\
    {{ 7 }}&lt;`[x](javascript:alert(1))` 缺页\n";

/// Replaces every string of a Recording that may be any string, and every key of a map.
fn hostile(recording: &Recording, text: &str) -> Recording {
    let mut value = serde_json::to_value(recording).unwrap();
    let mut paths = Vec::new();
    collect(&value, String::new(), &mut paths);
    for path in paths {
        let before = std::mem::replace(value.pointer_mut(&path).unwrap(), text.into());
        if serde_json::from_value::<Recording>(value.clone()).is_err() {
            *value.pointer_mut(&path).unwrap() = before;
        }
    }
    let mut hostile: Recording = serde_json::from_value(value).unwrap();
    for scenario in &mut hostile.scenarios {
        let observed = scenario
            .observed
            .values()
            .next()
            .cloned()
            .unwrap_or_default();
        scenario.observed.insert(text.to_owned(), observed);
        scenario
            .roles
            .insert(text.to_owned(), scenario.counts.clone());
        for count in scenario.counts.values_mut() {
            count.by.insert(text.to_owned(), 1);
        }
    }
    hostile
}

fn collect(value: &Value, path: String, paths: &mut Vec<String>) {
    let entries: Vec<(String, &Value)> = match value {
        Value::String(_) => return paths.push(path),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(n, it)| (n.to_string(), it))
            .collect(),
        Value::Object(map) => map.iter().map(|(key, it)| (key.clone(), it)).collect(),
        _ => return,
    };
    for (key, inner) in entries {
        collect(inner, format!("{path}/{key}"), paths);
    }
}

/// The names of a page's tags, and of their attributes.
fn names(page: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut tags, mut attributes) = (Vec::new(), Vec::new());
    for tag in page.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        tags.push(tag.split([' ', '\n']).next().unwrap_or_default());
        // Values are the pieces between quotes, so names end the others.
        let outside = tag
            .split('"')
            .step_by(2)
            .filter_map(|piece| piece.strip_suffix('='));
        attributes.extend(outside.filter_map(|piece| piece.split(' ').next_back()));
    }
    for list in [&mut tags, &mut attributes] {
        list.sort_unstable();
        list.dedup();
    }
    (tags, attributes)
}

#[test]
fn hostile_names_and_texts_come_out_inert() {
    let usual = [page(&failing()), bare(&samples::numbered(2))].concat();
    let (tags, attributes) = names(&usual);
    for number in 0..RECORDINGS.len() {
        let mut recording = samples::numbered(number);
        recording.claims = judge(&file(), &recording);
        recording.predictions = failing().predictions;
        let recording = hostile(&recording, HOSTILE);
        let compared = compare(&[recording.clone(), recording.clone()], None);
        let mut pages = vec![page(&recording), bare(&recording)];
        pages.extend(compared.ok().map(|it| comparison(&it).unwrap()));
        for page in pages {
            assert!(
                page.contains("&#60;img src=x onerror=alert(1)&#62;"),
                "{page}"
            );
            let wrong = page.chars().find(|c| *c != '\n' && !is_printable(*c));
            assert_eq!(wrong, None);
            let (tags_here, attributes_here) = names(&page);
            let strange: Vec<_> = tags_here.iter().filter(|it| !tags.contains(it)).collect();
            assert!(strange.is_empty(), "{strange:?}");
            let known = |it: &&&str| !attributes.contains(it);
            let strange: Vec<_> = attributes_here.iter().filter(known).collect();
            assert!(strange.is_empty(), "{strange:?}");
        }
    }
}

#[test]
fn names_of_ten_thousand_characters_are_shown_whole() {
    let long = "缺x".repeat(5_000);
    let page = bare(&hostile(&samples::numbered(2), &long));
    assert!(page.contains(&long));
}

#[test]
fn a_hostile_text_of_a_lesson_comes_out_inert() {
    let markdown = "# <img src=x>\n\n## Look\n\n<script>alert(1)</script>\n\n<b onclick=\"x\">bold</b>\n\
        [a](javascript:alert(1)) [b](data:text/html,x) [c](https://a.b/\"onx=\") ![d](http://e/f.png)\n\
        \u{202e}[e](/etc/passwd) `</code><i>`\n\n```\n\u{9b}2J\t</pre>\n```\n";
    let (file, recording) = (file(), samples::recording());
    let text = LessonText {
        file: &file,
        markdown,
    };
    let page = lesson(&weave(Some(text), &recording)).unwrap();
    for tag in [
        "<script",
        "<b onclick",
        "<img",
        "<i>",
        "href=\"javascript",
        "href=\"data",
        "href=\"/",
    ] {
        assert!(!page.contains(tag), "{tag}");
    }
    for text in [
        "&#60;script&#62;alert(1)",
        "\\u{202e}",
        "\\u{9b}2J    &#60;/pre&#62;",
    ] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn the_pages_of_our_lessons_are_small_and_have_every_claim_and_scenario() {
    for file in catalog::all().unwrap() {
        let found = catalog::find(&file.lesson.id).unwrap();
        let mut recording = samples::recording();
        recording.lesson = Some(file.lesson.id.clone());
        let sample = recording.scenarios[0].clone();
        let scenarios = file.scenarios.iter().map(|scenario| {
            let mut played = sample.clone();
            played.name.clone_from(&scenario.name);
            played
        });
        recording.scenarios = scenarios.collect();
        let text = LessonText {
            file: &file,
            markdown: &found.text,
        };
        let page = lesson(&weave(Some(text), &recording)).unwrap();
        assert!(page.len() < 1 << 19, "{}: {}", file.lesson.id, page.len());
        let ids = file.claims.iter().map(|claim| &claim.id);
        let names = file.scenarios.iter().map(|scenario| &scenario.name);
        let titles = file.tables.iter().map(|table| &table.title);
        for name in ids.chain(names).chain(titles) {
            assert!(page.contains(&**name), "{}: {name}", file.lesson.id);
        }
        let headings: Vec<&str> = page.split("<h").skip(1).map(|it| &it[..1]).collect();
        let headings: Vec<u32> = headings.iter().filter_map(|it| it.parse().ok()).collect();
        assert!(
            headings.windows(2).all(|pair| pair[1] <= pair[0] + 1),
            "{headings:?}"
        );
    }
}

#[test]
fn a_page_loads_nothing() {
    let page = page(&failing());
    assert!(page.contains("default-src 'none'"));
    for word in [
        "<script", "<link", "<img", "<iframe", "url(", "@import", "src=",
    ] {
        assert!(!page.contains(word), "{word}");
    }
}
