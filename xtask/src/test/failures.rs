//! What failed, and what it said: repeated at the end, where thousands of lines have passed since.

/// The most lines of one test that are repeated; a backtrace has many more.
const REPEATED: usize = 15;

/// A test that failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Failure {
    name: String,
    said: Vec<String>,
}

/// All of them, filled line by line.
#[derive(Debug, Default)]
pub(super) struct Failures {
    all: Vec<Failure>,
    speaking: Option<usize>,
}

impl Failures {
    /// A failure that says no more than its name.
    pub(super) fn add(&mut self, name: &str) {
        self.all.push(Failure {
            name: name.to_owned(),
            said: Vec::new(),
        });
        self.speaking = None;
    }

    /// A test has failed; our own harness lets it speak at once, libtest under a heading of its name.
    pub(super) fn begin(&mut self, name: &str) {
        self.add(name);
        self.speaking = Some(self.all.len() - 1);
    }

    /// Takes a line that is no test's outcome.
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

    /// What comes next is no failure's.
    pub(super) fn silence(&mut self) {
        self.speaking = None;
    }

    /// Adds those of another place, by names that say where.
    pub(super) fn absorb(&mut self, place: &str, other: Self) {
        self.silence();
        self.all
            .extend(other.all.into_iter().map(|failure| Failure {
                name: format!("{place}: {}", failure.name),
                said: failure.said,
            }));
    }

    /// A line for each with its name, and what it said below.
    pub(super) fn report(&self) -> impl Iterator<Item = String> {
        self.all.iter().map(|Failure { name, said }| {
            let said = said.iter().map(|line| format!("\n    {line}"));
            std::iter::once(format!("failed: {name}"))
                .chain(said)
                .collect()
        })
    }
}
