//! `cargo xtask lessons`: checks that text, program and claims of every lesson agree.
//!
//! The tracer checks each `lesson.toml` by itself when it reads it; these checks need the folder, the text
//! and the other lessons. Some bind only the lessons that `lessons/course.toml` lists.

mod claims;
mod differences;
mod files;
mod finding;
mod links;
mod notes;
mod numbers;
mod programs;
mod questions;
mod rules;
mod shape;
mod syllabus;
mod text;

#[cfg(test)]
mod samples;

use std::process::ExitCode;

use anyhow::Result;

use crate::{account::Builder, build, workspace};
use files::{Course, Lesson};
use finding::Findings;
use rules::{Own, Rules};

/// Checks of every lesson.
const OF_ANY_LESSON: [fn(&Lesson, &mut Findings); 7] = [
    shape::id_is_that_of_the_folder,
    shape::lines_hold_one_sentence,
    shape::tables_fit_a_terminal,
    claims::sentences_stand_in_their_sections,
    claims::reasons_point_at_sections,
    claims::numbers_stand_beside_sections,
    questions::questions_point_at_sections,
];

/// Checks of the lessons that `lessons/course.toml` lists.
const OF_OWN_LESSON: [fn(&Lesson, &Own, &Rules, &mut Findings); 6] = [
    shape::heading_names_the_lesson,
    shape::parts_stand_in_order,
    shape::lengths_are_within_bounds,
    questions::questions_stand_in_the_text,
    notes::owned_claims_are_settled,
    numbers::texts_hold_no_measured_number,
];

/// Checks of all lessons together.
const OF_COURSE: [fn(&Course, &mut Findings); 7] = [
    syllabus::numbers_have_no_gap,
    syllabus::table_names_every_lesson,
    syllabus::manifest_names_every_program,
    differences::every_difference_has_a_reason,
    notes::every_claim_has_an_owner,
    numbers::exceptions_are_in_use,
    links::links_lead_somewhere,
];

/// Prints every problem of the course with its file and line, and a summary.
pub(crate) fn command(builder: &Builder) -> Result<ExitCode> {
    let course = Course::read(&workspace::root()?)?;
    let mut findings = of_files(&course);
    build::programs(builder)?;
    programs::match_their_files(&course, builder, &mut findings)?;
    for finding in findings.list() {
        println!("{finding}");
    }
    println!("{}", summary(&course, &findings));
    Ok(if findings.list().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The problems that the files alone show.
fn of_files(course: &Course) -> Findings {
    let mut findings = Findings::default();
    for lesson in &course.lessons {
        for check in OF_ANY_LESSON {
            check(lesson, &mut findings);
        }
    }
    for (lesson, own) in course.own_lessons() {
        for check in OF_OWN_LESSON {
            check(lesson, own, &course.rules, &mut findings);
        }
    }
    for check in OF_COURSE {
        check(course, &mut findings);
    }
    findings
}

fn summary(course: &Course, findings: &Findings) -> String {
    let settled = notes::settled_in(course);
    let problems = match findings.list().len() {
        0 => "no problem".to_owned(),
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    };
    let (lessons, all) = (course.lessons.len(), course.rules.notes);
    format!("{lessons} lessons, {settled} of the {all} claims of the mmap notes, {problems}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_course_of_this_repository_has_no_problem_in_its_files() {
        let course = Course::read(&workspace::root().unwrap()).unwrap();
        assert!(!course.lessons.is_empty());
        let findings = of_files(&course);
        let all: Vec<String> = findings.list().iter().map(ToString::to_string).collect();
        assert!(all.is_empty(), "{}", all.join("\n"));
    }

    #[test]
    fn a_consistent_course_has_no_problem() {
        let course = samples::course();
        let mut findings = of_files(&course);
        // Its links cannot be checked: it has no files.
        findings.retain(|line| !line.contains("there is no such file"));
        let all: Vec<String> = findings.list().iter().map(ToString::to_string).collect();
        assert!(all.is_empty(), "{}", all.join("\n"));
        let said = summary(&course, &findings);
        assert_eq!(
            said,
            "1 lessons, 2 of the 2 claims of the mmap notes, no problem"
        );
    }

    #[test]
    fn rules_do_not_bind_a_lesson_that_is_not_listed() {
        let mut course = samples::course();
        course.rules.lessons[0].id = "lesson-9".to_owned();
        assert_eq!(course.own_lessons().count(), 0);
    }
}
