//! Runs brokers, and lets them die.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use crate::common::stderr;
use crate::reader::{Message, Store};

/// What a broker has said before it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) acknowledged: BTreeSet<u64>,
    /// Steps, if it lived to the end.
    pub(crate) spent: Option<u64>,
    pub(crate) found: String,
    status: ExitStatus,
    stderr: String,
}

impl Ended {
    pub(crate) fn well(self) -> Self {
        assert!(self.status.success(), "{}: {}", self.status, self.stderr);
        self
    }

    pub(crate) fn killed(self) -> Self {
        assert_eq!(self.status.signal(), Some(9), "{self:?}");
        self
    }

    pub(crate) fn of(output: &std::process::Output) -> Self {
        let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
        let after = |prefix: &str| {
            let lines = text
                .lines()
                .filter_map(move |line| line.strip_prefix(prefix));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let number = |text: String| text.parse::<u64>().expect("a number");
        Ended {
            acknowledged: after("acknowledged ").into_iter().map(number).collect(),
            spent: after("spent ").pop().map(number),
            found: after("exit ").pop().unwrap_or_default(),
            status: output.status,
            stderr: stderr(output),
        }
    }
}

pub(crate) fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rocketmq-broker"));
    command.arg(home).args(arguments);
    command
}

/// Runs one to its end, whatever that is.
pub(crate) fn run(home: &Path, arguments: &[&str]) -> Ended {
    Ended::of(&command(home, arguments).output().expect("it starts"))
}

/// Starts one that has nothing to append, and reads what it leaves.
pub(crate) fn recover(home: &Path, arguments: &[&str]) -> Store {
    run(home, arguments).well();
    Store::read(home).expect("a store as it should be")
}

/// The number that a message says, again and again, to the end of its body.
pub(crate) fn number(message: &Message) -> u64 {
    let text = String::from_utf8(message.body.clone()).expect("text");
    let digits: String = text["message ".len()..]
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let said = format!("message {digits}, ");
    assert!(
        text.as_bytes()
            .iter()
            .eq(said.as_bytes().iter().cycle().take(text.len())),
        "{text}"
    );
    digits.parse().expect("a number")
}

/// The numbers of messages, of which none may be there twice.
pub(crate) fn numbers(messages: &[Message]) -> BTreeSet<u64> {
    let numbers: BTreeSet<u64> = messages.iter().map(number).collect();
    assert_eq!(
        numbers.len(),
        messages.len(),
        "a message stands in the log twice"
    );
    numbers
}
