//! A machine that lacks something: the message says what failed, what was found, why it matters, and which
//! commands mend it.

use std::fmt;

#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Problem {
    pub(crate) what: String,
    /// What was found on this machine.
    pub(crate) now: String,
    pub(crate) why: String,
    /// Commands for this machine, in the order in which they must run.
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

/// Why a download or unpacking failed, as far as its output tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    /// A name could not be resolved, or a host not be reached.
    Network,
    Space,
    /// The lists name a file that the mirror no longer has.
    StaleLists,
    Other,
}

/// Phrases of apt, dpkg, cargo and the C library; the first that occurs decides.
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

pub(crate) fn cause(output: &str) -> Cause {
    PHRASES
        .iter()
        .find(|(phrase, _)| output.contains(phrase))
        .map_or(Cause::Other, |&(_, cause)| cause)
}

/// The message for a missing network, for packages and crates.
pub(crate) fn no_network(what: &str, said: &str) -> Problem {
    Problem {
        what: format!("no network: {what}"),
        now: said.to_owned(),
        why: "the first set-up downloads about 150 MB; later runs need no network".to_owned(),
        commands: vec![
            "cargo xtask setup    # once there is a network".to_owned(),
            "cp -r CACHE ~/.cache/mmap-trace    # or copy the cache of a machine with the same \
             distribution"
                .to_owned(),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_each_part_on_its_own_line() {
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
    fn a_full_disk_is_named_before_its_consequences() {
        let said = "Could not connect\nwrite: No space left on device";
        assert_eq!(cause(said), Cause::Space);
    }

    #[test]
    fn an_unknown_failure_is_not_guessed() {
        assert_eq!(cause("dpkg-deb: error: bad magic"), Cause::Other);
    }
}
