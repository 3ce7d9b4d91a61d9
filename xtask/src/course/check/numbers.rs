//! The texts contain no measured numbers: those are in the output that is read beside them.
//!
//! A number in a text is a size given to the program, part of a name, or how often a byte is copied in a
//! table. Any other number is an exception in `lessons/course.toml`, with its reason.

use super::{
    files::{Course, Lesson, RULES},
    finding::Findings,
    rules::{Exception, Own, Rules},
    text::{Line, LineKind, without_code},
};

/// A number with the text around it.
struct Number<'a> {
    before: &'a str,
    digits: &'a str,
    after: &'a str,
}

/// The rules by which a number may stand in any text.
const ALLOWED: [fn(&Number) -> bool; 8] = [
    is_given_size,
    is_lesson,
    is_step,
    is_place_in_picture,
    is_linux_version,
    is_part_of_name,
    is_manual_section,
    is_error,
];

/// `4 KiB`: a measured size is hardly ever a power of two.
fn is_given_size(it: &Number) -> bool {
    let units = [" KiB", " MiB", " bytes"];
    units.iter().any(|unit| it.after.starts_with(unit))
        && it.digits.parse().is_ok_and(u64::is_power_of_two)
}

fn is_lesson(it: &Number) -> bool {
    it.before.ends_with("lesson ") || it.before.ends_with("Lesson ")
}

/// `Step 1`, of a list or a picture.
fn is_step(it: &Number) -> bool {
    it.before.ends_with("step ") || it.before.ends_with("Step ")
}

/// `Arrow 1: …` below a picture.
fn is_place_in_picture(it: &Number) -> bool {
    ["Arrow ", "Line ", "Range "].contains(&it.before) && it.after.starts_with(':')
}

fn is_linux_version(it: &Number) -> bool {
    it.before.ends_with("Linux ")
}

/// `ext4`
fn is_part_of_name(it: &Number) -> bool {
    it.before.ends_with(char::is_alphabetic)
}

/// `mmap(2)`
fn is_manual_section(it: &Number) -> bool {
    let name = it.before.strip_suffix('(');
    name.is_some_and(|name| name.ends_with(char::is_alphanumeric)) && it.after.starts_with(')')
}

/// `EINVAL (22)`, if that is the kernel's number.
fn is_error(it: &Number) -> bool {
    let before = it.before.strip_suffix(" (");
    let number = match before.and_then(|before| before.rsplit(' ').next()) {
        Some("EACCES") => libc::EACCES,
        Some("EINVAL") => libc::EINVAL,
        Some("ENOMEM") => libc::ENOMEM,
        _ => return false,
    };
    it.digits == number.to_string()
}

pub(super) fn texts_hold_no_measured_number(
    lesson: &Lesson,
    own: &Own,
    rules: &Rules,
    findings: &mut Findings,
) {
    for line in &lesson.text.lines {
        for digits in unexplained(own, rules, line) {
            let what = format!("{digits}: neither a rule nor {RULES} explains this number");
            findings.add(&lesson.text.path, line.number, what);
        }
    }
}

/// An exception that is not needed would let a measured number pass some day.
pub(super) fn exceptions_are_in_use(course: &Course, findings: &mut Findings) {
    for (lesson, own) in course.own_lessons() {
        for Exception { words, because } in &own.numbers {
            let mut lines = lesson.text.lines.iter();
            if !lines.any(|line| plain(line).contains(words)) {
                let what = format!("{RULES} allows {words:?} ({because}), which is not here");
                findings.add(&lesson.text.path, 1, what);
            }
        }
    }
}

fn plain(line: &Line) -> String {
    match line.kind {
        LineKind::Code => line.text.clone(),
        LineKind::Heading | LineKind::Row | LineKind::Prose => without_code(&line.text),
    }
}

fn unexplained(own: &Own, rules: &Rules, line: &Line) -> Vec<String> {
    // Another check reads the heading with the lesson's number.
    if line.text.starts_with("# ") {
        return Vec::new();
    }
    let plain = plain(line);
    let mut found = numbers(&plain);
    found.retain(|number| !is_explained(own, rules, line.kind, number));
    let digits = found.iter().map(|number| number.digits.to_owned());
    digits.collect()
}

fn is_explained(own: &Own, rules: &Rules, kind: LineKind, number: &Number) -> bool {
    let value = number.digits.replace(',', "").parse::<u64>().ok();
    let at_most = |most| value.is_some_and(|value| value <= most);
    let of_kind = match kind {
        LineKind::Heading | LineKind::Prose => is_list_item(number),
        LineKind::Row => at_most(rules.most_in_a_table),
        LineKind::Code => {
            at_most(rules.most_in_a_picture)
                || is_in_formula(number)
                || value.is_some_and(is_on_axis)
        }
    };
    of_kind
        || ALLOWED.iter().any(|rule| rule(number))
        || own.numbers.iter().any(|it| surrounds(&it.words, number))
}

/// `1. ` at the beginning of a line.
fn is_list_item(number: &Number) -> bool {
    number.before.trim().is_empty() && number.after.starts_with(". ")
}

/// `FILE/64K`, `read-4k`, `64*PAGES`: no space on one side.
fn is_in_formula(number: &Number) -> bool {
    let is_free = |next: Option<char>| next.is_none_or(char::is_whitespace);
    !is_free(number.before.chars().next_back()) || !is_free(number.after.chars().next())
}

/// 1,000 or 10,000 below a chart.
fn is_on_axis(value: u64) -> bool {
    value > 0 && value == 10_u64.pow(value.ilog10())
}

fn surrounds(words: &str, number: &Number) -> bool {
    words.match_indices(number.digits).any(|(at, digits)| {
        number.before.ends_with(&words[..at])
            && number.after.starts_with(&words[at + digits.len()..])
    })
}

/// Each number in `text`, such as `6.18` or `1,000`; a full stop behind it is not part of it.
fn numbers(text: &str) -> Vec<Number<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(begin) = text[from..].find(|letter: char| letter.is_ascii_digit()) {
        let begin = from + begin;
        let is_part = |letter: char| letter.is_ascii_digit() || letter == '.' || letter == ',';
        let length = text[begin..].find(|letter| !is_part(letter));
        let longest = &text[begin..length.map_or(text.len(), |length| begin + length)];
        let digits = longest.trim_end_matches(['.', ',']);
        from = begin + digits.len();
        found.push(Number {
            before: &text[..begin],
            digits,
            after: &text[from..],
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check::samples::{course, found_of_course, found_of_own};

    fn of(line: &str, kind: LineKind) -> Vec<String> {
        let line = Line {
            number: 1,
            kind,
            text: line.to_owned(),
        };
        let rules = course().rules;
        unexplained(&rules.lessons[0], &rules, &line)
    }

    #[test]
    fn sizes_names_versions_and_labels_are_allowed_in_prose() {
        for line in [
            "A file of 64 MiB, by `read` of 4 KiB.",
            "From Linux 6.18 on, as `x 17` says.",
            "Arrow 3: ext4, see [mmap(2)](http://host/man2/17.html) and lesson 11.",
            "3. It is refused with EINVAL (22).",
            "Each page gets 77 updates.",
        ] {
            assert_eq!(of(line, LineKind::Prose), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn measured_numbers_are_found() {
        for (line, digits) in [
            ("It takes 1,024 faults.", "1,024"),
            ("It takes 57.1 % of the time.", "57.1"),
            ("It copies 12 MiB.", "12"),
            ("It is 3 times as fast.", "3"),
            ("It is refused with EINVAL (21).", "21"),
            ("Each page gets 65 updates.", "65"),
        ] {
            assert_eq!(of(line, LineKind::Prose), [digits], "{line}");
        }
    }

    #[test]
    fn small_numbers_are_allowed_in_tables_and_labels_and_formulas_in_pictures() {
        let row = of("| read | 0 | 1 | 2 or more |", LineKind::Row);
        assert_eq!(row, Vec::<String>::new());
        assert_eq!(of("| read | 16,384 | 3 |", LineKind::Row), ["16,384", "3"]);
        let picture = "page 0 --3--> FILE/64K 64*PAGES read-64k 10,000";
        assert_eq!(of(picture, LineKind::Code), Vec::<String>::new());
        let measured = of("page faults   1,024  63.488", LineKind::Code);
        assert_eq!(measured, ["1,024", "63.488"]);
    }

    #[test]
    fn numbers_and_unused_exceptions_are_found_with_their_place() {
        let number = found_of_own(texts_hold_no_measured_number, "has 4 MiB", "has 5 MiB");
        assert!(
            number[0].starts_with("lessons/01-sample/README.md:19: 5: neither"),
            "{number:?}"
        );
        let unused = found_of_course(exceptions_are_in_use, |course| {
            "gone 9 times".clone_into(&mut course.rules.lessons[0].numbers[0].words);
        });
        assert_eq!(unused.len(), 1, "{unused:?}");
    }
}
