//! Failed tests and what they printed, to be repeated at the end of a long run.

/// How many lines of one test are repeated; a backtrace has many more.
const REPEATED: usize = 15;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Failure {
    name: String,
    said: Vec<String>,
}

/// All failures, collected line by line.
#[derive(Debug, Default)]
pub(super) struct Failures {
    all: Vec<Failure>,
    speaking: Option<usize>,
}

impl Failures {
    /// Adds a failure that prints nothing.
    pub(super) fn add(&mut self, name: &str) {
        self.all.push(Failure {
            name: name.to_owned(),
            said: Vec::new(),
        });
        self.speaking = None;
    }

    /// Adds a failed test. Our own harness prints its output next, libtest under a heading with its name.
    pub(super) fn begin(&mut self, name: &str) {
        self.add(name);
        self.speaking = Some(self.all.len() - 1);
    }

    /// Reads a line that is not a test's result.
    pub(super) fn read(&mut self, line: &str) {
        let heading = line
            .strip_prefix("---- ")
            .and_then(|rest| rest.strip_suffix(" stdout ----"));
        if let Some(name) = heading {
            self.speaking = self.all.iter().rposition(|failure| failure.name == name);
        } else if line == "failures:" {
            self.silence();
        } else if let Some(index) = self.speaking
            && !line.is_empty()
            && self.all[index].said.len() < REPEATED
        {
            self.all[index].said.push(line.to_owned());
        }
    }

    /// The next lines belong to no failure.
    pub(super) fn silence(&mut self) {
        self.speaking = None;
    }

    pub(super) fn append(&mut self, other: Self) {
        self.silence();
        self.all.extend(other.all);
    }

    /// Puts `place` before every name.
    pub(super) fn put_under(&mut self, place: &str) {
        for failure in &mut self.all {
            failure.name = format!("{place}: {}", failure.name);
        }
    }

    /// Each failure's name, and below it what the test printed.
    pub(super) fn report(&self) -> impl Iterator<Item = String> {
        self.all.iter().map(|Failure { name, said }| {
            let said = said.iter().map(|line| format!("\n    {line}"));
            std::iter::once(format!("failed: {name}"))
                .chain(said)
                .collect()
        })
    }
}
