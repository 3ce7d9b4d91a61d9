//! The summary of an untraced run: times, faults and observations that the lesson knows by itself.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result};
use mmap_trace_ebpf::session::{CELL_FINISHED, Cell, SessionPage};

use crate::session::text;

/// Prints the summary. A reader that closes the pipe early is not an error.
pub(crate) fn print(page: &SessionPage) -> Result<()> {
    let text = render(page);
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("write to stdout"),
    }
}

fn render(page: &SessionPage) -> String {
    let mut out = format!(
        "{:<20} {:>6} {:>11} {:>12} {:>10} {:>7} {:>5}\n",
        "scenario", "rounds", "elapsed ms", "work bytes", "operations", "minor", "major"
    );
    for index in 0..page.scenario_count.load(Relaxed) {
        scenario(&mut out, page, index);
    }
    out.push_str(
        "\nThis run was not traced: these numbers come from getrusage and the lesson's own clock.\n\
         To count what the kernel did: cargo xtask run LESSON\n",
    );
    out
}

fn scenario(out: &mut String, page: &SessionPage, index: u32) {
    let cells: Vec<&Cell> = page
        .cells
        .iter()
        .filter(|cell| cell.state.load(Relaxed) == CELL_FINISHED)
        .filter(|cell| cell.scenario.load(Relaxed) == index)
        .collect();
    let sum = |value: fn(&Cell) -> u64| cells.iter().map(|cell| value(cell)).sum::<u64>();
    let elapsed_us = sum(|cell| {
        cell.end_ns
            .load(Relaxed)
            .saturating_sub(cell.begin_ns.load(Relaxed))
    }) / 1000;
    let elapsed = format!("{}.{:03}", elapsed_us / 1000, elapsed_us % 1000);
    // Writing into a String cannot fail.
    let _ = writeln!(
        out,
        "{:<20} {:>6} {elapsed:>11} {:>12} {:>10} {:>7} {:>5}",
        text(&page.scenario_names[index as usize]),
        cells.len(),
        sum(|cell| cell.work_bytes.load(Relaxed)),
        sum(|cell| cell.work_operations.load(Relaxed)),
        sum(|cell| cell.minor_faults.load(Relaxed)),
        sum(|cell| cell.major_faults.load(Relaxed)),
    );
    let known = page.observation_count.load(Relaxed) as usize;
    for entry in &page.observations[..known] {
        if entry.scenario.load(Relaxed) == index {
            let (name, by) = (text(&entry.name), text(&entry.by));
            let dot = if by.is_empty() { "" } else { "." };
            let _ = writeln!(out, "    {name}{dot}{by} = {}", entry.value.load(Relaxed));
        }
    }
}
