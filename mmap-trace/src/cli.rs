//! The command line.

use std::{path::PathBuf, time::Duration};

use mmap_trace_ebpf::offsets::Injected;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::text::size;

/// Counts what the kernel does while a program runs: faults, copies, writeback, device bytes.
#[derive(Debug, Parser)]
#[command(version, after_long_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = When::Auto)]
    pub color: When,
}

const EXAMPLES: &str = "\
Examples:
  mmap-trace run lesson-3                  a lesson, its counts and its claims
  mmap-trace run lesson-3 --only read-4k   one scenario of it
  mmap-trace exec -- cp a b                any program, as one scenario
  mmap-trace run all --output all.json     every lesson, then the claims of the mmap notes
  mmap-trace run 3 --predict answers.toml  the same, with predictions from a file
  mmap-trace report run.json               draw a saved recording, without root
  mmap-trace claims all.json               what the mmap notes claim, and what the
                                           counts say
  mmap-trace doctor                        what can be counted here, and what cannot

Exit codes of run:   0 all claims hold, 1 one fails, 3 none fails but some are
                     unobservable (this machine or this run cannot decide
                     them), 2 wrong usage or environment
Exit codes of exec:  those of the command, 128+n if signal n killed it, 125 if
                     mmap-trace failed, 126 if the command cannot be run, 127 if
                     it does not exist
Exit codes of doctor: 0 everything can be counted, 3 something cannot, 2 nothing
                     can";

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a lesson and judge its claims.
    ///
    /// The lesson cannot gain privileges, has no controlling terminal and no input, and its processes,
    /// descriptors, CPU time and the length of each of its files are limited.
    Run(RunArgs),
    /// Run any program as one scenario.
    Exec(ExecArgs),
    /// Answer the questions of a lesson before running it, and save the answers for run --predict.
    Predict(PredictArgs),
    /// Draw a saved recording.
    Report(ReportArgs),
    /// List the claims of the mmap notes, the notes that the course teaches from, with what recordings say
    /// about each.
    Claims(ClaimsArgs),
    /// Say what can be counted on this machine, what cannot, and why.
    Doctor(DoctorArgs),
    /// Print the completions of a shell.
    Completions(CompletionsArgs),
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A lesson: lesson-3, 3, read-vs-mmap, or a folder with a lesson.toml; or all of them: all.
    pub lesson: String,
    /// Run only this scenario.
    #[arg(long, value_name = "SCENARIO")]
    pub only: Option<String>,
    /// Size of the lesson's data, for example 8MiB.
    #[arg(long, value_name = "BYTES", value_parser = size)]
    pub size: Option<u64>,
    /// Kill the lesson after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    pub timeout: Duration,
    /// Print everything that was counted and observed, not only what the lesson asks for.
    #[arg(long)]
    pub details: bool,
    /// Make the kernel act at once, instead of waiting for what it does in its own time.
    #[arg(long)]
    pub no_wait: bool,

    /// Options about privileges.
    #[command(flatten)]
    pub privileges: PrivilegeArgs,

    /// Options about predictions.
    #[command(flatten)]
    pub predict: AnswerArgs,

    /// Prepare and enter every scenario, but skip its body.
    #[arg(long, hide = true)]
    pub empty: bool,
    /// Common options.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Options of `run` about predictions; without them, it asks if it runs on a terminal.
#[derive(Clone, Debug, Default, Args)]
pub struct AnswerArgs {
    /// Ask no questions before the run.
    #[arg(long, conflicts_with = "predict")]
    pub no_predict: bool,
    /// Take the answers from this file: TOML or JSON, each question's id with its answer.
    #[arg(long, value_name = "FILE")]
    pub predict: Option<PathBuf>,
}

/// Options of `predict`.
#[derive(Debug, Args)]
pub struct PredictArgs {
    /// A lesson: lesson-3, 3, read-vs-mmap, or a folder with a lesson.toml.
    pub lesson: String,
    /// Check the answers in this file instead of asking.
    #[arg(long, value_name = "FILE")]
    pub predict: Option<PathBuf>,
    /// Write the answers to this file, as TOML, instead of printing them.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Options of `run` about privileges.
#[derive(Clone, Copy, Debug, Args)]
pub struct PrivilegeArgs {
    /// Count without root: only faults and device reads, everything else is n/a.
    #[arg(long, conflicts_with_all = ["force_probe", "kernel_log", "settle"])]
    pub unprivileged: bool,

    /// Do not suggest sudo, because it has refused.
    #[arg(long, hide = true)]
    pub after_sudo: bool,
}

/// Options of `exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Run the command as this account, without a controlling terminal.
    #[arg(long, value_name = "ACCOUNT")]
    pub user: Option<String>,
    /// Go on counting until the last process that the command started has ended.
    #[arg(long)]
    pub follow: bool,
    /// Follow them for this many seconds at most, from the end of the command on.
    #[arg(long, value_name = "SECONDS", requires = "follow", value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// Common options.
    #[command(flatten)]
    pub common: CommonArgs,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

/// Options of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Recordings written by --output.
    #[arg(required = true, value_name = "RECORDING")]
    pub recordings: Vec<PathBuf>,
    /// Print everything that was counted and observed.
    #[arg(long)]
    pub details: bool,
    /// Compare recordings of one lesson, kernel by kernel.
    #[arg(long)]
    pub compare: bool,
    /// Write a page to this file instead of printing: HTML that needs no network and no script.
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    pub html: Option<PathBuf>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// Options of `claims`.
#[derive(Debug, Args)]
pub struct ClaimsArgs {
    /// Recordings of lessons, or one of `run all`; without any, list what would be checked.
    #[arg(value_name = "RECORDING")]
    pub recordings: Vec<PathBuf>,
    /// Also print the sentences that settle each claim, and those that were not run.
    #[arg(long)]
    pub details: bool,
    /// Write a page to this file instead of printing: HTML that needs no network and no script.
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    pub html: Option<PathBuf>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = ClaimsFormat::Table)]
    pub format: ClaimsFormat,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// What to print.
    #[arg(long, value_enum, default_value_t = DoctorFormat::Table)]
    pub format: DoctorFormat,

    /// Directory in which lessons would create their work directories.
    #[arg(long, value_name = "DIR")]
    pub work_dir: Option<PathBuf>,
}

/// Options of `completions`.
#[derive(Clone, Copy, Debug, Args)]
pub struct CompletionsArgs {
    /// The shell that is to read them.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Shells whose completions can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// In ~/.local/share/bash-completion/completions.
    Bash,
    /// In a directory of fpath.
    Zsh,
    /// In ~/.config/fish/completions.
    Fish,
}

/// Options of `run` and `exec`.
#[derive(Debug, Args)]
pub struct CommonArgs {
    /// Write the recording to this file, as JSON.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write a page to this file: HTML that needs no network and no script.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Directory in which to create the work directory; for exec, a directory on the file system whose
    /// device is counted.
    #[arg(long, value_name = "DIR")]
    pub work_dir: Option<PathBuf>,
    /// Wait at most this long until all dirty pages are written back.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub settle: Option<Duration>,
    /// Count a metric by this probe or not at all, for example copies=fexit.
    #[arg(long, value_name = "METRIC=PROBE")]
    pub force_probe: Vec<String>,
    /// Print why the kernel programs do not count an event, or take it back.
    #[arg(long)]
    pub kernel_log: bool,
    /// Make this mistake when counting, to test the calibration.
    #[arg(long, hide = true, value_enum)]
    pub inject: Option<Mistake>,
}

/// Mistakes for the kernel programs to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mistake {
    /// Every read counts one byte too few.
    ReadShortByOne,
    /// O_DIRECT counts as a copy.
    DirectCopied,
    /// Copies through pipes do not count.
    PipeLost,
    /// Every fault counts twice.
    FaultTwice,
    /// A folio counts as one page.
    FolioIsOnePage,
    /// The primary program at a hook leaves half of its events, at random, to its backup.
    PrimarySkips,
}

impl From<Mistake> for Injected {
    fn from(mistake: Mistake) -> Self {
        match mistake {
            Mistake::ReadShortByOne => Injected::ReadShortByOne,
            Mistake::DirectCopied => Injected::DirectCopied,
            Mistake::PipeLost => Injected::PipeLost,
            Mistake::FaultTwice => Injected::FaultTwice,
            Mistake::FolioIsOnePage => Injected::FolioIsOnePage,
            Mistake::PrimarySkips => Injected::PrimarySkips,
        }
    }
}

/// Formats of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people.
    Table,
    /// The recording as JSON.
    Json,
    /// The counts as CSV: one line for each scenario, role, count and part.
    Csv,
}

/// Formats of what the doctor finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// A list for people.
    Table,
    /// JSON for programs.
    Json,
}

/// Formats of the list of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ClaimsFormat {
    /// A list for people.
    Table,
    /// JSON for programs.
    Json,
    /// CSV: one line for each claim and sentence that settles it.
    Csv,
    /// A markdown table with its evidence, to hand in.
    Markdown,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless `NO_COLOR` or `TERM=dumb` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Parses a size of at least one byte.
fn size(text: &str) -> Result<u64, String> {
    match size::parse(text)? {
        0 => Err("the size must be at least one byte".to_owned()),
        bytes => Ok(bytes),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse::<f64>()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected a number of seconds, for example 1.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_passes_the_checks_of_clap() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
