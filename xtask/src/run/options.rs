//! The tracer's options as somebody gave them to xtask.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use clap::{Arg, ArgMatches, Args, Command, ValueEnum as _, parser::ValueSource};
use mmap_trace::cli::{DoctorArgs, RunArgs, When};

const COLOR: &str = "color";

/// Adds the tracer's options for `run` to xtask's subcommand.
pub(crate) fn add_run(command: Command) -> Command {
    add::<RunArgs>(command)
}

/// Adds the tracer's options for `doctor` to xtask's subcommand.
pub(crate) fn add_doctor(command: Command) -> Command {
    add::<DoctorArgs>(command)
}

fn add<T: Args>(command: Command) -> Command {
    let about = command.get_about().cloned().unwrap_or_default();
    let color = Arg::new(COLOR)
        .long(COLOR)
        .value_name("WHEN")
        .value_parser(clap::builder::EnumValueParser::<When>::new())
        .help("When to use colour");
    T::augment_args(command)
        .arg(color)
        .about(about)
        .long_about(None)
}

/// The tracer's options among those that xtask has parsed.
#[derive(Debug)]
pub(crate) struct Given<'a> {
    arguments: Vec<Arg>,
    matches: &'a ArgMatches,
}

impl<'a> Given<'a> {
    pub(crate) fn for_run(matches: &'a ArgMatches) -> Self {
        Self::of::<RunArgs>(matches)
    }

    pub(crate) fn for_doctor(matches: &'a ArgMatches) -> Self {
        Self::of::<DoctorArgs>(matches)
    }

    fn of<T: Args>(matches: &'a ArgMatches) -> Self {
        let command = add::<T>(Command::new("mmap-trace"));
        let options = command.get_arguments().filter(|it| !it.is_positional());
        Self {
            arguments: options.cloned().collect(),
            matches,
        }
    }

    /// Whether the option with this id was given.
    pub(super) fn has(&self, id: &str) -> bool {
        self.matches.value_source(id) == Some(ValueSource::CommandLine)
    }

    /// The last value of an option.
    pub(super) fn value(&self, id: &str) -> Option<&OsStr> {
        self.matches.get_raw(id)?.next_back()
    }

    pub(super) fn path(&self, id: &str) -> Option<PathBuf> {
        self.value(id).map(PathBuf::from)
    }

    /// The options as words of a command line, without those of `except`.
    pub(super) fn words(&self, except: &[&str]) -> Vec<OsString> {
        let mut words = Vec::new();
        for argument in &self.arguments {
            let id = argument.get_id().as_str();
            let (true, Some(long)) = (self.has(id) && !except.contains(&id), argument.get_long())
            else {
                continue;
            };
            let flag = OsString::from(format!("--{long}"));
            if argument.get_action().takes_values() {
                for value in self.matches.get_raw(id).into_iter().flatten() {
                    words.extend([flag.clone(), value.to_owned()]);
                }
            } else {
                words.push(flag);
            }
        }
        words
    }

    /// Whether colour is wanted on a terminal, as the tracer decides it.
    pub(super) fn color(wanted: bool) -> String {
        let when = if wanted { When::Always } else { When::Never };
        let value = when.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(given: &[&str], except: &[&str]) -> Vec<OsString> {
        let command = add_run(Command::new("run"));
        let all = [&["run", "lesson-3"], given].concat();
        let matches = command.try_get_matches_from(all).unwrap();
        Given::for_run(&matches).words(except)
    }

    #[test]
    fn options_are_passed_on_as_they_were_given() {
        let given = ["--details", "--size=8MiB", "--color", "never", "-o", "x"];
        let mut passed = words(&given, &["output"]);
        passed.sort();
        assert_eq!(passed, ["--color", "--details", "--size", "8MiB", "never"]);
        let twice = ["--force-probe", "a=b", "--force-probe", "c=d"];
        assert_eq!(words(&twice, &[]), twice);
    }

    #[test]
    fn options_that_were_not_given_are_not_passed_on() {
        assert_eq!(words(&[], &[]), Vec::<OsString>::new());
    }

    #[test]
    fn a_misspelt_option_is_refused_with_the_nearest_name() {
        let command = add_run(Command::new("run"));
        let error = command.try_get_matches_from(["run", "3", "--siz", "8MiB"]);
        assert!(error.unwrap_err().to_string().contains("'--size'"));
    }
}
