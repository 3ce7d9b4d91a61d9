//! A machine that lacks something: one message with what failed, how it is now, why that matters,
//! and the exact commands that mend it.

use std::fmt;

/// What a person is told when set-up cannot go on.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Problem {
    /// What failed.
    pub(crate) what: String,
    /// How it is on this machine.
    pub(crate) now: String,
    /// Why that matters.
    pub(crate) why: String,
    /// Commands for this machine, in order.
    pub(crate) commands: Vec<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\n  now:  {}\n  why:  {}",
            self.what, self.now, self.why
        )?;
        for (index, command) in self.commands.iter().enumerate() {
            write!(
                f,
                "\n  {}  {command}",
                if index == 0 { "run:" } else { "    " }
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// What kept a download or an unpacking from succeeding, as far as its output tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    /// No name could be resolved or no host reached.
    Network,
    /// The disk is full.
    Space,
    /// The lists name a file the mirror no longer has.
    StaleLists,
    /// Anything else.
    Other,
}

/// Phrases of apt, dpkg, cargo and the C library, in the order they are tried.
const PHRASES: &[(&str, Cause)] = &[
    ("No space left on device", Cause::Space),
    ("Disk quota exceeded", Cause::Space),
    ("404  Not Found", Cause::StaleLists),
    ("Hash Sum mismatch", Cause::StaleLists),
    ("Could not resolve", Cause::Network),
    ("Couldn't resolve", Cause::Network),
    ("Temporary failure resolving", Cause::Network),
    ("Temporary failure in name resolution", Cause::Network),
    ("Could not connect", Cause::Network),
    ("Cannot initiate the connection", Cause::Network),
    ("Failed to connect", Cause::Network),
    ("Network is unreachable", Cause::Network),
    ("Connection timed out", Cause::Network),
    ("Connection refused", Cause::Network),
    ("spurious network error", Cause::Network),
    ("Unable to connect", Cause::Network),
    ("download of config.json failed", Cause::Network),
    ("you may be offline", Cause::Network),
    (
        "attempting to make an HTTP request, but --offline was specified",
        Cause::Network,
    ),
];

/// The cause that `output` names.
pub(crate) fn cause(output: &str) -> Cause {
    PHRASES
        .iter()
        .find(|(phrase, _)| output.contains(phrase))
        .map_or(Cause::Other, |&(_, cause)| cause)
}

/// No network: the same message for packages and for crates.
pub(crate) fn no_network(what: &str, said: &str) -> Problem {
    Problem {
        what: format!("no network: {what}"),
        now: said.to_owned(),
        why: "the first set-up downloads about 150 MB; later runs need no network".to_owned(),
        commands: vec![
            "cargo xtask setup    # again, once the network is there".to_owned(),
            "cp -r THE-CACHE ~/.cache/mmap-trace    # or take the cache of a machine of the same \
             distribution that is set up"
                .to_owned(),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_what_now_why_and_commands_on_lines_of_their_own() {
        let problem = Problem {
            what: "cc is missing".into(),
            now: "not on PATH".into(),
            why: "it links".into(),
            commands: vec!["one".into(), "two".into()],
        };
        let lines =
            "cc is missing\n  now:  not on PATH\n  why:  it links\n  run:  one\n        two";
        assert_eq!(problem.to_string(), lines);
    }

    #[test]
    fn apt_without_a_network_is_recognised() {
        assert_eq!(
            cause("Err:1 Temporary failure resolving 'mirror'"),
            Cause::Network
        );
    }

    #[test]
    fn a_full_disk_wins_over_what_follows_from_it() {
        let said = "Could not connect\nwrite: No space left on device";
        assert_eq!(cause(said), Cause::Space);
    }

    #[test]
    fn an_unknown_failure_is_not_guessed() {
        assert_eq!(cause("dpkg-deb: error: bad magic"), Cause::Other);
    }
}
