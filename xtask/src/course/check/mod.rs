//! `cargo xtask lessons`: text, program and claims of every lesson say the same.
//!
//! What one `lesson.toml` must be by itself, the tracer proves when it reads it; here stands what only
//! the folder, the text and the other lessons can know.

mod claims;
mod differences;
mod files;
mod finding;
mod links;
mod notes;
mod numbers;
mod predictions;
mod programs;
mod shape;
mod syllabus;
mod text;

#[cfg(test)]
mod samples;

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    account::Builder,
    build::{self, TRACER_AND_LESSONS},
    workspace,
};
use files::{Course, Folder};
use finding::Findings;

/// What is proven of each lesson by itself.
const OF_A_LESSON: [fn(&Folder, &mut Findings); 10] = [
    shape::heading_names_the_lesson,
    shape::parts_stand_in_order,
    shape::words_are_enough_and_not_too_many,
    shape::lines_hold_one_sentence,
    shape::tables_fit_a_terminal,
    claims::sentences_stand_in_their_sections,
    claims::reasons_point_at_sections,
    predictions::questions_stand_in_the_text,
    notes::owned_claims_are_settled,
    numbers::texts_have_none_of_their_own,
];

/// What is proven of them together.
const OF_THE_COURSE: [fn(&Course, &mut Findings); 6] = [
    syllabus::numbers_have_no_gap,
    syllabus::table_names_every_lesson,
    syllabus::manifest_names_every_program,
    differences::every_difference_has_a_reason,
    numbers::exceptions_are_in_use,
    links::links_lead_somewhere,
];

/// Prints every problem of the course with its file and line, or that there is none.
pub(crate) fn command(builder: &Builder) -> Result<ExitCode> {
    let course = Course::read(&workspace::root()?)?;
    let mut findings = of_files(&course);
    build::packages(builder, TRACER_AND_LESSONS)?;
    programs::have_what_the_files_say(&course, builder, &mut findings)?;
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

/// What the files alone tell.
fn of_files(course: &Course) -> Findings {
    let mut findings = Findings::default();
    for lesson in &course.lessons {
        for check in OF_A_LESSON {
            check(lesson, &mut findings);
        }
    }
    for check in OF_THE_COURSE {
        check(course, &mut findings);
    }
    findings
}

fn summary(course: &Course, findings: &Findings) -> String {
    let owned = notes::owned_in(course);
    let problems = match findings.list().len() {
        0 => "no problem".to_owned(),
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    };
    let (lessons, all) = (course.lessons.len(), notes::CLAIMS);
    format!("{lessons} lessons, {owned} of the {all} claims of the notes, {problems}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_course_of_this_repository_has_no_problem_in_its_files() {
        let course = Course::read(&workspace::root().unwrap()).unwrap();
        assert!(!course.lessons.is_empty());
        let findings = of_files(&course);
        let told: Vec<String> = findings.list().iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{}", told.join("\n"));
    }

    #[test]
    fn a_consistent_lesson_has_no_problem_and_is_counted() {
        let course = samples::course();
        let mut findings = Findings::default();
        for check in OF_A_LESSON {
            check(&course.lessons[0], &mut findings);
        }
        assert_eq!(findings.list(), []);
        let said = summary(&course, &findings);
        assert_eq!(
            said,
            "1 lessons, 8 of the 44 claims of the notes, no problem"
        );
    }
}
