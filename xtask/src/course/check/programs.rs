//! The programs have the scenarios and sizes that their files say.

use std::ffi::OsString;

use anyhow::{Context as _, Result};

use super::{
    files::{Course, Lesson},
    finding::Findings,
};
use crate::{account::Builder, workspace};

/// No lesson has this scenario, so each answers with the names of its own.
const NO_SCENARIO: &str = "no-such-scenario";

/// Compares scenarios, their order, and the size of the data.
pub(super) fn match_their_files(
    course: &Course,
    builder: &Builder,
    findings: &mut Findings,
) -> Result<()> {
    for lesson in &course.lessons {
        let program = workspace::built(&format!("lesson-{}", lesson.folder.number))?;
        let ask = |arguments: &[&str]| {
            builder
                .run(OsString::from(&program))
                .args(arguments)
                .capture()
        };
        let refused = ask(&["--only", NO_SCENARIO])?;
        let (_, names) = refused
            .stderr
            .trim()
            .split_once("this lesson has: ")
            .with_context(|| format!("{}: {}", program.display(), refused.tail()))?;
        scenarios(lesson, &names.split(", ").collect::<Vec<_>>(), findings);
        size(lesson, &ask(&["--help"])?.require()?, findings);
    }
    Ok(())
}

fn scenarios(lesson: &Lesson, in_program: &[&str], findings: &mut Findings) {
    let listed = &lesson.file.scenarios;
    for scenario in listed {
        let name = scenario.name.as_str();
        if !in_program.contains(&name) {
            let what = format!("the program has no scenario {name}");
            lesson.blame(&format!("name = \"{name}\""), what, findings);
        }
    }
    let names: Vec<&str> = listed.iter().map(|it| it.name.as_str()).collect();
    for name in in_program.iter().filter(|name| !names.contains(name)) {
        let what = format!("no [[scenario]] is {name}, which the program has");
        lesson.blame(lesson.id(), what, findings);
    }
    let is_same_set = names.iter().all(|name| in_program.contains(name));
    if is_same_set && names.len() == in_program.len() && names != in_program {
        let what = format!("the program has its scenarios in another order: {in_program:?}");
        lesson.blame(lesson.id(), what, findings);
    }
}

fn size(lesson: &Lesson, help: &str, findings: &mut Findings) {
    let size = &lesson.file.lesson.size;
    if !help.contains(&format!("[default: {size}]")) {
        let what = format!("the default of the program is not {size}");
        lesson.blame("size = ", what, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check::samples;

    fn found(in_program: &[&str], help: &str) -> Vec<String> {
        let course = samples::course();
        let mut findings = Findings::default();
        scenarios(&course.lessons[0], in_program, &mut findings);
        size(&course.lessons[0], help, &mut findings);
        findings.list().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn scenarios_and_sizes_that_differ_are_found() {
        let help = "--size [default: 4MiB]";
        assert_eq!(found(&["null", "touch"], help), Vec::<String>::new());
        assert_eq!(found(&["null", "tuch"], help).len(), 2);
        let missing = found(&["null"], help);
        let what = "lessons/01-sample/lesson.toml:16: the program has no scenario touch";
        assert_eq!(missing, [what]);
        assert!(found(&["null", "touch", "x"], help)[0].contains("no [[scenario]] is x"));
        assert!(found(&["touch", "null"], help)[0].contains("in another order"));
        let size = found(&["null", "touch"], "--size [default: 8MiB]");
        assert!(
            size[0].contains(":6: the default of the program is not 4MiB"),
            "{size:?}"
        );
    }
}
