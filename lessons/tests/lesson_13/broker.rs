//! Runs brokers and reads what they print.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::stderr;
use crate::reader::{StoredMessage, StoredState};

/// What a broker printed before it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) acknowledged: BTreeSet<u64>,
    /// Steps, if it was not killed.
    pub(crate) spent: Option<u64>,
    /// How it says that the broker before it ended.
    pub(crate) previous_exit: String,
    output: Output,
}

impl Ended {
    pub(crate) fn well(self) -> Self {
        assert!(self.output.status.success(), "{}", stderr(&self.output));
        self
    }

    pub(crate) fn killed(self) -> Self {
        assert_eq!(self.output.status.signal(), Some(9), "{self:?}");
        self
    }

    pub(crate) fn of(output: Output) -> Self {
        let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
        let after = |prefix: &str| {
            let lines = text.lines();
            let rests = lines.filter_map(|line| line.strip_prefix(prefix));
            rests.map(str::to_owned).collect::<Vec<_>>()
        };
        let number = |text: String| text.parse::<u64>().expect("a number");
        Ended {
            acknowledged: after("acknowledged ").into_iter().map(number).collect(),
            spent: after("spent ").pop().map(number),
            previous_exit: after("exit ").pop().unwrap_or_default(),
            output,
        }
    }
}

pub(crate) fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rocketmq-broker"));
    command.arg(home).args(arguments);
    command
}

/// Runs a broker until it ends in one way or another.
pub(crate) fn run(home: &Path, arguments: &[&str]) -> Ended {
    Ended::of(command(home, arguments).output().expect("it starts"))
}

/// Runs a broker that only opens and closes the store, and reads the result.
pub(crate) fn recover(home: &Path, arguments: &[&str]) -> StoredState {
    run(home, arguments).well();
    StoredState::read(home).expect("a correct store")
}

/// The number that a message repeats to the end of its body.
pub(crate) fn number(message: &StoredMessage) -> u64 {
    let text = String::from_utf8(message.body.clone()).expect("text");
    let rest = text["message ".len()..].chars();
    let digits: String = rest.take_while(char::is_ascii_digit).collect();
    let repeated = format!("message {digits}, ");
    let expected: String = repeated.chars().cycle().take(text.len()).collect();
    assert_eq!(text, expected);
    digits.parse().expect("a number")
}

/// The numbers of messages, none of which may appear twice.
pub(crate) fn numbers(messages: &[StoredMessage]) -> BTreeSet<u64> {
    let numbers: BTreeSet<u64> = messages.iter().map(number).collect();
    assert_eq!(numbers.len(), messages.len(), "a message appears twice");
    numbers
}
