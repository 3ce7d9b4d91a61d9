//! strace and perf, and what they count for a command.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::tracer;

/// The reason to skip a test if a tool is not installed; `None` if it is.
pub(crate) fn missing(tool: &str) -> Option<String> {
    let found = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|directory| directory.join(tool).exists())
    });
    (!found).then(|| format!("{tool} is not installed"))
}

/// Runs a tool in front of a command and returns the report that it wrote to a file.
fn run(tool: &[&str], command: &[String], directory: &Path, report: &Path) -> Result<String> {
    start(tool, command, directory)?;
    std::fs::read_to_string(report).with_context(|| format!("report of {}", tool[0]))
}

/// Runs a tool in front of a command and returns its standard output.
fn start(tool: &[&str], command: &[String], directory: &Path) -> Result<String> {
    let mut process = Command::new(tool[0]);
    process
        .args(&tool[1..])
        .args(command)
        .current_dir(directory);
    process
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    tracer::without_random_addresses(&mut process);
    let child = process
        .spawn()
        .with_context(|| format!("start {}", tool[0]))?;
    let output = tracer::wait(child, Duration::from_mins(2))?;
    ensure!(
        output.status.success(),
        "{} said {}: {}",
        tool[0],
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The system calls of a command and its children by `strace -c -f`, except those that never return.
pub(crate) fn strace(command: &[String], directory: &Path) -> Result<u64> {
    let report = tempfile::NamedTempFile::new().context("tempfile")?;
    let path = report.path().to_string_lossy().into_owned();
    let text = run(
        &["strace", "-c", "-f", "-o", &path],
        command,
        directory,
        report.path(),
    )?;
    // Columns: % time, seconds, usecs/call, calls, errors if any, name.
    let calls = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let name = *words.last()?;
        let is_call = words.first()?.parse::<f64>().is_ok();
        (is_call && !["exit", "exit_group", "total"].contains(&name))
            .then(|| words[3].parse::<u64>())
    });
    let mut total = 0;
    for number in calls {
        total += number.context("strace: a column is no number")?;
    }
    ensure!(total > 0, "strace counted nothing:\n{text}");
    Ok(total)
}

/// The page faults of a command and its children by perf's software event.
///
/// `do_user_addr_fault` (arch/x86/mm/fault.c) calls `perf_sw_event(PERF_COUNT_SW_PAGE_FAULTS)`: it counts
/// every exception that gets that far, completed or not, and no fault without an exception.
pub(crate) fn perf(command: &[String], directory: &Path) -> Result<u64> {
    let report = tempfile::NamedTempFile::new().context("tempfile")?;
    let path = report.path().to_string_lossy().into_owned();
    let tool = [
        "perf",
        "stat",
        "-x",
        ",",
        "-e",
        "page-faults",
        "-o",
        &path,
        "--",
    ];
    let text = run(&tool, command, directory, report.path())?;
    let line = text.lines().find(|line| line.contains("page-faults"));
    line.and_then(|line| line.split(',').next()?.parse().ok())
        .with_context(|| format!("perf said {text}"))
}

/// perf's samples of a command at the tracer's rate: those in code that copies, and all of them.
pub(crate) fn perf_samples(command: &[String], directory: &Path) -> Result<(u64, u64)> {
    let data = tempfile::NamedTempFile::new().context("tempfile")?;
    let path = data.path().to_string_lossy().into_owned();
    let record = [
        "perf",
        "record",
        "-q",
        "-e",
        "cpu-clock",
        "-F",
        "9999",
        "-o",
        &path,
        "--",
    ];
    start(&record, command, directory)?;
    let script = ["script", "-i", &path, "-F", "ip,sym"].map(str::to_owned);
    let text = start(&["perf"], &script, directory)?;
    let functions: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    let copying = functions.iter().filter(|name| {
        let base = name.split_once('.').map_or(**name, |(base, _)| base);
        COPYING.contains(&base)
    });
    Ok((copying.count() as u64, functions.len() as u64))
}

/// The functions that copy for `read` and loopback sockets, as perf names them on 6.1 to 7.3.
const COPYING: [&str; 8] = [
    "rep_movs_alternative",
    "copy_user_enhanced_fast_string",
    "copy_user_generic_string",
    "copyin",
    "copyout",
    "_copy_to_iter",
    "_copy_from_iter",
    "copy_page_to_iter",
];
