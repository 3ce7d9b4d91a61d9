//! Every field of `lesson.toml`: the table behind the reference in `lessons/WRITING.md`.
//! A test holds it against what the reader accepts.

/// A field of a table of `lesson.toml`.
#[derive(Debug)]
pub struct Field {
    /// The table, as its header in the file.
    pub table: &'static str,
    /// Its key.
    pub key: &'static str,
    /// Whether a lesson without it is refused.
    pub presence: Presence,
    /// A value, as TOML.
    pub example: &'static str,
    /// What it means, in one sentence.
    pub about: &'static str,
}

/// Whether a field can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Never.
    Required,
    /// Always, or as the field's meaning says.
    Optional,
}

macro_rules! fields {
    ($($table:literal { $($key:literal $need:ident = $example:literal, $about:literal;)* })*) => {
        &[$($(Field {
            table: $table,
            key: $key,
            presence: Presence::$need,
            example: $example,
            about: $about,
        },)*)*]
    };
}

/// All fields, table by table.
pub const FIELDS: &[Field] = fields! {
    "[lesson]" {
        "id" Required = r#""lesson-15""#, "The name of the lesson and of its binary.";
        "title" Required = r#""Who copies my bytes?""#, "Its heading.";
        "question" Required = r#""How often is a byte copied?""#,
            "The programmer's question that it answers.";
        "minutes" Required = "30", "How long a student needs.";
        "size" Required = r#""64MiB""#, "The default size of its data; `--size` of `run` changes it.";
        "file_systems" Optional = r#"["ext4"]"#,
            "File systems that its sentences are about: on others a check that fails is unobservable. All, if left out.";
    }
    "[let]" {
        "NAME" Optional = r#""2 * work.bytes""#,
            "A named constant: a number or an expression, for every other expression of the file.";
    }
    "[observations]" {
        "NAME" Optional = r#""Sum of all bytes.""#,
            "An observation `observed.NAME` of the lesson and what it is; also in the form of the next table.";
    }
    "[observations.NAME]" {
        "about" Required = r#""Error number of the call.""#, "What it is.";
        "unit" Optional = r#""plain""#, "Its unit, if it is not the last unit in its name.";
        "by" Optional = r#"["first-call"]"#,
            "Names of its values, if it has several: `observed.NAME.first-call`.";
    }
    "[[table]]" {
        "title" Required = r#""Reading a warm file""#, "Its heading.";
        "scenarios" Required = r#"["read", "map"]"#, "Its columns.";
        "rows" Required = r#"["faults", "syscalls.read"]"#, "Its lines: names without a scenario.";
        "section" Required = r#""Look""#, "The heading in README.md of the text that it stands beside.";
    }
    "[[chart]]" {
        "title" Required = r#""Calls per file""#, "Its heading, with the unit.";
        "value" Required = r#""syscalls / work.operations""#, "An expression for each scenario.";
        "labels" Required = r#"["4 KiB", "1 MiB"]"#, "What the scenarios of a series stand for, in order.";
        "series" Required = r#"[{ name = "read", scenarios = ["read-4k", "read-1m"] }]"#,
            "One to four ways to do the work.";
        "section" Required = r#""Look""#, "The heading in README.md of the text that it stands beside.";
    }
    "[[chart.series]]" {
        "name" Required = r#""read""#, "Its name; each begins with another letter, by which it is drawn.";
        "scenarios" Required = r#"["read-4k", "read-1m"]"#, "A scenario for each label, from the first on.";
    }
    "[[scenario]]" {
        "name" Required = r#""read-4k""#, "Its name in the program.";
        "about" Required = r#""reads the file through a buffer of 4 KiB""#, "What it does.";
    }
    "[[claim]]" {
        "id" Required = r#""read-copies-every-byte""#, "Its name in Recordings.";
        "sentence" Required = r#""read(2) copies every byte.""#, "The sentence, word for word as in README.md.";
        "settles" Optional = "[2, 12]", "Claims of the mmap notes that it decides.";
        "basis" Required = r#""counted""#, "What it rests on: counted, observed, timed or source.";
        "grade" Optional = r#""inferred""#,
            "The lowest grade of a count that may decide it: sampled (the default), inferred, cross-checked or counted.";
        "source" Optional = r#""mmap(2)""#, "Where it is published; required if the basis is source.";
        "section" Required = r#""Look""#, "The heading in README.md that explains it.";
        "check" Optional = "[]", "The checks, all of which must hold; required unless the basis is source.";
    }
    "[[claim.check]]" {
        "scenarios" Required = r#"["read"]"#, "Where it must hold: each is a check of its own.";
        "expect" Required = r#"["faults == 0", "syscalls == 1"]"#,
            "What must hold: an expectation or a list of them.";
        "needs" Optional = r#"["work.bytes >= 1MiB"]"#,
            "What must be true for it to be decided: otherwise it is unobservable.";
    }
    "[[prediction]]" {
        "id" Required = r#""calls""#, "Its key in files of answers.";
        "question" Required = r#""How many calls?""#, "The question, word for word as in README.md.";
        "section" Required = r#""Predict""#, "The heading in README.md that explains it.";
        "scenario" Required = r#""read""#, "The scenario of names without one.";
        "needs" Optional = r#"["work.bytes >= 1MiB"]"#, "What must be true for it to be answered.";
        "right" Required = r#""Each call asks for one buffer.""#, "The reply to a right answer.";
        "option" Optional = "[]", "Two to five options; required unless it asks for a number.";
        "number" Optional = r#"{ answer = "faults", unit = "faults" }"#, "The number that it asks for.";
    }
    "[[prediction.option]]" {
        "text" Required = r#""nothing""#, "What it says; its letter comes from its place.";
        "when" Required = r#"["faults == 0"]"#,
            "When it is right: an expectation, or a list that must hold as a whole.";
        "wrong" Required = r#""There is one fault for each page.""#, "The reply to someone who chose it wrongly.";
    }
    "[prediction.number]" {
        "answer" Required = r#""syscalls""#, "The right answer, an expression.";
        "unit" Required = r#""calls""#, "What is counted, in the plural; bytes may be answered as 4M or 4MiB.";
        "within_percent" Optional = "10", "How far an answer may be off; 0 if left out.";
        "wrong" Optional = "[]",
            "Ways to be wrong; the first that fits gives the reply, and the last two are too-small and too-big without a factor.";
    }
    "[[prediction.number.wrong]]" {
        "equals" Optional = r#""work.bytes""#, "A known misconception: an expression that was taken for the answer.";
        "is" Optional = r#""too-small""#, "too-small or too-big; either this or equals.";
        "factor" Optional = "10", "The factor by which it is too small or too big; 1 if left out.";
        "says" Required = r#""Those are the bytes.""#, "The reply when it fits.";
    }
    "[[difference]]" {
        "counts" Required = r#"["faults"]"#, "Metrics whose numbers differ between kernels.";
        "scenarios" Optional = r#"["map"]"#, "Where they do; everywhere, if left out.";
        "because" Required = r#""Folios are large there.""#, "Why.";
        "section" Required = r#""Look closer""#, "The heading in README.md that explains it.";
    }
    "[[note]]" {
        "claim" Required = "2", "The number of a claim of the mmap notes that this lesson owns.";
        "says" Required = r#""mmap saves a copy""#, "What it says, in our words.";
        "verdict" Required = r#""conditional""#, "true, conditional, loose, wrong or unsourced.";
        "right" Optional = r#""Loads copy nothing.""#, "The right sentence; required unless the verdict is true.";
    }
};
