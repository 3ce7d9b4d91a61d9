//! The texts hold no number that somebody measured: those stand in the output beside them.
//!
//! A number in a text is a size that the program is given, a name, or how often a byte is copied by
//! the claims beside a table. What no rule knows stands in [`EXCEPTIONS`], with its reason.

use super::{
    files::{Course, Folder},
    finding::Findings,
    text::{Kind, Line, without_code},
};

/// A number with what stands around it.
struct Number<'a> {
    before: &'a str,
    digits: &'a str,
    after: &'a str,
}

/// Why a number may stand in any text.
const RULES: [fn(&Number) -> bool; 8] = [
    is_given_size,
    is_lesson,
    is_step,
    is_place_in_picture,
    is_linux_version,
    is_part_of_name,
    is_manual_section,
    is_error,
];

/// `4 KiB`: what was measured is hardly ever a power of two.
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

/// `EINVAL (22)`, and the number must be the kernel's.
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

/// A number that may stand in one text.
struct Exception {
    lesson: u32,
    /// The words around it; code between backticks is left out.
    words: &'static str,
    because: &'static str,
}

const fn except(lesson: u32, words: &'static str, because: &'static str) -> Exception {
    Exception {
        lesson,
        words,
        because,
    }
}

const EXCEPTIONS: [Exception; 37] = [
    except(1, "64 distant places", "the scenario's own"),
    except(1, "64 places of a file", "the scenario's own"),
    except(1, "byte 1 of a file", "the offset that is asked for"),
    except(2, "8   9  10  11", "the pages of the picture, counted"),
    except(4, "95 %", "follows from the number of rounds"),
    except(6, "64 updates", "the scenario's own"),
    except(6, "one page of every 64", "the scenario's own"),
    except(6, "enters it 64 times", "the same for calls"),
    except(6, "as for 64", "the same once more"),
    except(7, "(``, 2)", "the number of BUS_ADRERR"),
    except(9, "512 pages", "entries of a page of page table"),
    except(12, "57.1 %", "the number of the notes"),
    except(12, "chart says 57", "the same, as a chart has it"),
    except(12, "copy 64 B ]", "the scenario's own"),
    except(12, " 64 B |", "the same in the chart"),
    except(12, "60 KiB", "the scenario's own"),
    except(12, "of 1,000 samples", "an example"),
    except(12, "lessons 3 and 10", "lessons"),
    except(12, "kernels since 6.4", "a version of Linux"),
    except(12, "at least 300 samples", "what the claims need"),
    except(13, "entries of 20 bytes", "the format's own"),
    except(13, "of 20-byte entries", "the same"),
    except(13, "writes 20 bytes", "the same"),
    except(13, "in place of 1 GiB", "the product's own"),
    except(13, "is 12 bytes in place", "the program's own"),
    except(13, "requests, 12 bytes each", "the same"),
    except(13, "3 N, N and 0", "what the claims beside it count"),
    except(
        13,
        "up to 2.6, the default of 3.0, gone with 4.2",
        "versions of MongoDB",
    ),
    except(13, "to 4.", "what the reader is to set"),
    except(13, "--life 9000", "what the reader is to type"),
    except(
        14,
        "Arrows 2 to 4 are steps 1 to 3",
        "places in the picture, and steps",
    ),
    except(14, "what is left is 0", "what the claim expects"),
    except(14, "is 100 ms", "the product's own"),
    except(14, "every 60 s", "the same"),
    except(
        14,
        "up to 2.6, chose this one by default in 3.0 and WiredTiger from 3.2 on, and removed it in 4.2",
        "versions of MongoDB",
    ),
    except(14, "to 16, and run", "what the reader is to set"),
    except(14, "a 64th as large", "the program's own"),
];

/// How often a byte is copied, in a table; more would be measured.
const MOST_IN_A_CELL: u64 = 2;

/// Labels of a picture are single digits.
const MOST_IN_A_PICTURE: u64 = 9;

pub(super) fn texts_have_none_of_their_own(folder: &Folder, findings: &mut Findings) {
    for line in &folder.text.lines {
        for digits in unexplained(folder.number, line) {
            let what = format!("{digits}: no run gives this number, and no rule knows it");
            findings.add(&folder.text.path, line.number, what);
        }
    }
}

/// One that is not needed would let a number pass some day.
pub(super) fn exceptions_are_in_use(course: &Course, findings: &mut Findings) {
    for exception in &EXCEPTIONS {
        let mut lessons = course.lessons.iter();
        let Some(folder) = lessons.find(|folder| folder.number == exception.lesson) else {
            continue;
        };
        let mut lines = folder.text.lines.iter();
        if !lines.any(|line| plain(line).contains(exception.words)) {
            let Exception { words, because, .. } = exception;
            let what = format!("nothing is left of the exception {words:?} ({because})");
            findings.add(&folder.text.path, 1, what);
        }
    }
}

fn plain(line: &Line) -> String {
    match line.kind {
        Kind::Code => line.text.clone(),
        Kind::Heading | Kind::Row | Kind::Prose => without_code(&line.text),
    }
}

fn unexplained(lesson: u32, line: &Line) -> Vec<String> {
    // The heading with the lesson's number is held elsewhere.
    if line.text.starts_with("# ") {
        return Vec::new();
    }
    let plain = plain(line);
    let mut found = numbers(&plain);
    found.retain(|number| !is_explained(lesson, line.kind, number));
    let digits = found.iter().map(|number| number.digits.to_owned());
    digits.collect()
}

fn is_explained(lesson: u32, kind: Kind, number: &Number) -> bool {
    let value = number.digits.replace(',', "").parse::<u64>().ok();
    let at_most = |most| value.is_some_and(|value| value <= most);
    let of_kind = match kind {
        Kind::Heading | Kind::Prose => is_list_item(number),
        Kind::Row => at_most(MOST_IN_A_CELL),
        Kind::Code => {
            at_most(MOST_IN_A_PICTURE) || is_in_formula(number) || value.is_some_and(is_on_axis)
        }
    };
    let excepted = |it: &&Exception| it.lesson == lesson && surrounds(it.words, number);
    of_kind || RULES.iter().any(|rule| rule(number)) || EXCEPTIONS.iter().any(|it| excepted(&it))
}

/// `1. ` at the begin of a line.
fn is_list_item(number: &Number) -> bool {
    number.before.trim().is_empty() && number.after.starts_with(". ")
}

/// `FILE/64K`, `read-4k`, `64*PAGES`: touches something that is no space.
fn is_in_formula(number: &Number) -> bool {
    let is_free = |next: Option<char>| next.is_none_or(char::is_whitespace);
    !is_free(number.before.chars().next_back()) || !is_free(number.after.chars().next())
}

/// 1,000 and 10,000 below a chart.
fn is_on_axis(value: u64) -> bool {
    value > 0 && value == 10_u64.pow(value.ilog10())
}

fn surrounds(words: &str, number: &Number) -> bool {
    words.match_indices(number.digits).any(|(at, digits)| {
        number.before.ends_with(&words[..at])
            && number.after.starts_with(&words[at + digits.len()..])
    })
}

/// `6.18` and `1,000` are one number each; a full stop after one is not part of it.
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
    use crate::course::check::samples::{told, told_of};

    fn of(line: &str, kind: Kind) -> Vec<String> {
        let line = Line {
            number: 1,
            kind,
            text: line.to_owned(),
        };
        unexplained(6, &line)
    }

    #[test]
    fn sizes_names_versions_and_labels_may_stand_in_prose() {
        for line in [
            "A file of 64 MiB, by `read` of 4 KiB.",
            "From Linux 6.18 on, as `x 17` says.",
            "Arrow 3: ext4, see [mmap(2)](http://host/man2/17.html) and lesson 11.",
            "3. It is refused with EINVAL (22).",
            "Each page gets 64 updates.",
        ] {
            assert_eq!(of(line, Kind::Prose), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn measured_numbers_are_told() {
        for (line, digits) in [
            ("It takes 1,024 faults.", "1,024"),
            ("It takes 57.1 % of the time.", "57.1"),
            ("It copies 12 MiB.", "12"),
            ("It is 3 times as fast.", "3"),
            ("It is refused with EINVAL (21).", "21"),
            ("Each page gets 65 updates.", "65"),
        ] {
            assert_eq!(of(line, Kind::Prose), [digits], "{line}");
        }
    }

    #[test]
    fn tables_hold_how_often_and_pictures_hold_labels_and_formulas() {
        assert_eq!(
            of("| read | 0 | 1 | 2 or more |", Kind::Row),
            Vec::<String>::new()
        );
        assert_eq!(of("| read | 16,384 | 3 |", Kind::Row), ["16,384", "3"]);
        let picture = "page 0 --3--> FILE/64K 64*PAGES read-64k 10,000";
        assert_eq!(of(picture, Kind::Code), Vec::<String>::new());
        assert_eq!(
            of("page faults   1,024  63.488", Kind::Code),
            ["1,024", "63.488"]
        );
    }

    #[test]
    fn a_number_and_an_exception_without_use_are_told_with_their_place() {
        let number = told(texts_have_none_of_their_own, "has 4 MiB", "has 5 MiB");
        assert!(
            number[0].starts_with("lessons/01-sample/README.md:19: 5: no run"),
            "{number:?}"
        );
        let unused = told_of(exceptions_are_in_use, |_| ());
        assert_eq!(unused.len(), 3, "{unused:?}");
    }
}
