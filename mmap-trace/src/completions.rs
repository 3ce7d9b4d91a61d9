//! Completions of shells for a command line that names lessons.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use clap::{
    Arg, Command,
    builder::{PossibleValue, PossibleValuesParser},
};

use crate::{
    cli::Shell,
    course::{catalog, lesson::file::LessonFile},
};

/// The subcommands that run every lesson if they are told `all`.
const RUN: [&str; 2] = ["run", "open"];

/// The script that completes `command`, which people type as `name`.
pub fn script(command: Command, name: &str, shell: Shell) -> Result<String> {
    let files = catalog::all()?;
    let mut command = command.mut_subcommands(|subcommand| with_names(subcommand, &files));
    let generator = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(generator, &mut command, name, &mut script);
    let mut script = String::from_utf8(script).context("the completions are not UTF-8")?;
    if shell == Shell::Fish {
        script.push_str(&arguments_for_fish(&command, name));
    }
    Ok(script)
}

/// Completes arguments without a dash, which clap's script for fish leaves out, with the functions of that script.
fn arguments_for_fish(command: &Command, name: &str) -> String {
    let function = format!("__fish_{}_using_subcommand", name.replace('-', "_"));
    let mut lines = String::new();
    for subcommand in command.get_subcommands() {
        let values = subcommand
            .get_positionals()
            .flat_map(Arg::get_possible_values);
        for value in values {
            let help = value.get_help().map(ToString::to_string);
            let help = help
                .unwrap_or_default()
                .replace('\\', r"\\")
                .replace('\'', r"\'");
            let (subcommand, value) = (subcommand.get_name(), value.get_name());
            let _ = writeln!(
                lines,
                "complete -c {name} -n \"{function} {subcommand}\" -f -a \"{value}\" -d '{help}'"
            );
        }
    }
    lines
}

/// Offers the ids of lessons, and the scenarios of all of them. The parser itself must stay open for other names
/// and for folders, so only the copy that is completed knows them.
fn with_names(subcommand: Command, files: &[LessonFile]) -> Command {
    let names_lesson = |argument: &Arg| argument.get_id() == "lesson";
    if !subcommand.get_arguments().any(names_lesson) {
        return subcommand;
    }
    let is_run = RUN.contains(&subcommand.get_name());
    subcommand.mut_args(|argument| match argument.get_id().as_str() {
        "lesson" => argument.value_parser(lessons(files, is_run)),
        "only" => argument.value_parser(scenarios(files)),
        _ => argument,
    })
}

fn lessons(files: &[LessonFile], with_all: bool) -> PossibleValuesParser {
    let named = files
        .iter()
        .map(|file| PossibleValue::new(&file.lesson.id).help(&file.lesson.title));
    let all = with_all.then(|| PossibleValue::new("all").help("every lesson"));
    PossibleValuesParser::new(named.chain(all))
}

/// The scenarios of all lessons, each once: a script cannot know which lesson was named.
fn scenarios(files: &[LessonFile]) -> PossibleValuesParser {
    let mut names: Vec<&String> = files
        .iter()
        .flat_map(|file| &file.scenarios)
        .map(|scenario| &scenario.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    PossibleValuesParser::new(names)
}

#[cfg(test)]
mod tests {
    use std::process::Command as Process;

    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

    fn of(shell: Shell) -> String {
        script(Cli::command(), "mmap-trace", shell).unwrap()
    }

    #[test]
    fn every_shell_completes_lessons_and_their_scenarios() {
        for shell in SHELLS {
            let script = of(shell);
            for word in ["lesson-14", "mmap-load", "unprivileged", "csv"] {
                assert!(script.contains(word), "no {word} for {shell:?}");
            }
        }
    }

    /// What bash offers after these words; `None` without bash.
    fn offered(words: &[&str]) -> Option<String> {
        let last = words.len() - 1;
        let line = words.join(" ");
        let (word, before) = (words[last], words[last - 1]);
        let script = of(Shell::Bash);
        let (_, rest) = script.split_once("complete -F ").unwrap();
        let function = rest.split(' ').next().unwrap();
        let test = format!(
            "{script}\nCOMP_WORDS=({line}); COMP_CWORD={last}\n\
             {function} mmap-trace '{word}' '{before}'\necho \"${{COMPREPLY[*]}}\""
        );
        let output = Process::new("bash").args(["--norc", "-c", &test]).output();
        let output = output.ok()?;
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{output:?}"
        );
        Some(String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn bash_offers_subcommands_lessons_scenarios_and_formats() {
        for (words, expected) in [
            (&["mmap-trace", "comp"][..], "completions"),
            (&["mmap-trace", "run", "lesson-10"], "lesson-10"),
            (&["mmap-trace", "run", "al"], "all"),
            (
                &["mmap-trace", "run", "3", "--only", "read-64k"],
                "read-64k",
            ),
            (&["mmap-trace", "report", "x", "--format", "c"], "csv"),
            (&["mmap-trace", "completions", "z"], "zsh"),
        ] {
            if let Some(offered) = offered(words) {
                assert_eq!(offered.trim(), expected, "{words:?}");
            }
        }
    }
}
