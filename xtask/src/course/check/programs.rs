//! What the programs say of themselves, against their files.

use std::ffi::OsString;

use anyhow::{Context as _, Result};

use super::{
    files::{Course, Folder},
    finding::Findings,
};
use crate::{account::Builder, workspace};

/// No lesson has it, so each answers with those that it has.
const NO_SCENARIO: &str = "no-such-scenario";

/// Scenarios in their order, and the size of the data.
pub(super) fn have_what_the_files_say(
    course: &Course,
    builder: &Builder,
    findings: &mut Findings,
) -> Result<()> {
    for folder in &course.lessons {
        let program = workspace::target_dir()?
            .join("release")
            .join(format!("lesson-{}", folder.number));
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
        scenarios(folder, &names.split(", ").collect::<Vec<_>>(), findings);
        size(folder, &ask(&["--help"])?.require()?, findings);
    }
    Ok(())
}

fn scenarios(folder: &Folder, in_program: &[&str], findings: &mut Findings) {
    let listed = &folder.file.scenarios;
    for scenario in listed {
        let name = scenario.name.get_ref();
        if !in_program.contains(&name.as_str()) {
            let what = format!("the program has no scenario {name}");
            folder.blame(&scenario.name, what, findings);
        }
    }
    let names: Vec<&str> = listed.iter().map(|it| it.name.get_ref().as_str()).collect();
    for name in in_program.iter().filter(|name| !names.contains(name)) {
        let what = format!("no [[scenario]] is {name}, which the program has");
        folder.blame(&folder.file.lesson.id, what, findings);
    }
    let is_same_set = names.iter().all(|name| in_program.contains(name));
    if is_same_set && names.len() == in_program.len() && names != in_program {
        let what = format!("the program has its scenarios in another order: {in_program:?}");
        folder.blame(&folder.file.lesson.id, what, findings);
    }
}

fn size(folder: &Folder, help: &str, findings: &mut Findings) {
    let size = &folder.file.lesson.size;
    if !help.contains(&format!("[default: {}]", size.get_ref())) {
        let what = format!("the default of the program is not {}", size.get_ref());
        folder.blame(size, what, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check::samples;

    fn told(in_program: &[&str], help: &str) -> Vec<String> {
        let course = samples::course();
        let mut findings = Findings::default();
        scenarios(&course.lessons[0], in_program, &mut findings);
        size(&course.lessons[0], help, &mut findings);
        findings.list().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn scenarios_and_sizes_that_only_one_side_has_are_told() {
        let help = "--size [default: 4MiB]";
        assert_eq!(told(&["null", "touch"], help), Vec::<String>::new());
        assert_eq!(told(&["null", "tuch"], help).len(), 2);
        let missing = told(&["null"], help);
        let what = "lessons/01-sample/lesson.toml:16: the program has no scenario touch";
        assert_eq!(missing, [what]);
        assert!(told(&["null", "touch", "x"], help)[0].contains("no [[scenario]] is x"));
        assert!(told(&["touch", "null"], help)[0].contains("in another order"));
        let size = told(&["null", "touch"], "--size [default: 8MiB]");
        assert!(
            size[0].contains(":5: the default of the program is not 4MiB"),
            "{size:?}"
        );
    }
}
