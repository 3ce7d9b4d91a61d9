//! The head of a report: what ran, on which machine, and what is known to be missing.

use super::{
    legend::label,
    sheet::{Sheet, Tone},
    text::escape,
};
use crate::text::number::thousands;
use crate::{
    course::lesson::file::LessonFile,
    record::{Instrument, Machine, Recording},
};

/// Writes the head. An incomplete run says so first.
pub(super) fn write(sheet: &mut Sheet, recording: &Recording, file: Option<&LessonFile>) {
    if let Some(problem) = &recording.incomplete {
        let text = format!("INCOMPLETE: {problem}. The counts below are those until then.");
        sheet.paragraph(Tone::Bad, 0, &text);
        sheet.blank();
    }
    match (file, &recording.command, &recording.lesson) {
        (Some(file), _, _) => {
            let title = format!("{}: {}", file.lesson.id, file.lesson.title);
            sheet.paragraph(Tone::Strong, 0, &title);
            sheet.paragraph(Tone::Plain, 0, &file.lesson.question);
        }
        (None, Some(command), _) => {
            let words: Vec<String> = command.iter().map(|word| quote(word)).collect();
            sheet.paragraph(Tone::Strong, 0, &format!("exec {}", words.join(" ")));
        }
        (None, None, lesson) => {
            let title = lesson.as_deref().unwrap_or("a run without a name");
            sheet.paragraph(Tone::Strong, 0, title);
        }
    }
    sheet.blank();
    if let Some(bytes) = recording.size_bytes {
        sheet.marked(Tone::Plain, "data", INDENT, &size(bytes));
    }
    machine(sheet, &recording.machine);
    if recording.machine.instrument == Instrument::Unprivileged {
        sheet.marked(Tone::Doubtful, "counted by", INDENT, UNPRIVILEGED);
    }
    if recording.machine.instrument == Instrument::Ebpf {
        sheet.marked(Tone::Plain, "lost", INDENT, &lost(recording));
    }
}

const INDENT: usize = 14;
pub(super) const UNPRIVILEGED: &str =
    "getrusage and /proc/PID/io, without root; what they do not count is n/a";

fn machine(sheet: &mut Sheet, machine: &Machine) {
    let cpus = if machine.cpus == 1 { "CPU" } else { "CPUs" };
    let kernel = format!(
        "{} {}, {} {cpus}, pages of {}, run as {}",
        machine.kernel,
        machine.arch,
        machine.cpus,
        size(machine.page_size),
        machine.user
    );
    sheet.marked(Tone::Plain, "kernel", INDENT, &kernel);
    let device = machine
        .block_device
        .as_ref()
        .map_or("no single block device".to_owned(), |device| {
            format!("device {device}")
        });
    let image = machine
        .image_on
        .as_ref()
        .map_or(String::new(), |holder| format!(" in an image on {holder}"));
    let windows = format!(
        "{}{image} on {device}; {}",
        machine.file_system,
        windows(machine)
    );
    sheet.marked(Tone::Plain, "file system", INDENT, &windows);
}

/// The window sizes of the kernel, on which fault counts depend.
pub(super) fn windows(machine: &Machine) -> String {
    let window = |bytes: Option<u64>| bytes.map_or("unknown".to_owned(), size);
    format!(
        "readahead {}, fault-around {}, folios up to {}",
        window(machine.readahead_bytes),
        window(machine.fault_around_bytes),
        window(machine.largest_folio_bytes)
    )
}

/// Bytes, or KiB or MiB if that is exact.
pub(super) fn size(bytes: u64) -> String {
    match bytes % 1024 {
        0 if bytes > 0 && bytes.is_multiple_of(1 << 20) => {
            format!("{} MiB", thousands(bytes >> 20))
        }
        0 if bytes > 0 => format!("{} KiB", thousands(bytes / 1024)),
        _ => format!("{} bytes", thousands(bytes)),
    }
}

/// Everything that is known to be missing, including zeros, and the metrics that are unreliable because of it.
pub(super) fn lost(recording: &Recording) -> String {
    let sums = losses(recording).map(|(name, n)| format!("{} {name}", thousands(n)));
    let sums = sums.join(", ");
    match &*unreliable(recording) {
        [] => sums,
        labels => format!("{sums}: do not rely on {}", labels.join(", ")),
    }
}

/// What may be missing, and how much of it is.
pub(super) fn losses(recording: &Recording) -> [(&'static str, u64); 6] {
    let losses = &recording.losses;
    [
        ("calls of unknown size", losses.uncounted_calls),
        (
            "bytes whose file could not be identified",
            losses.unidentified_file_bytes,
        ),
        (
            "threads or files without an entry of their own",
            losses.table_collisions,
        ),
        (
            "pages dirtied where no probe sees writeback",
            losses.unwatched_pages,
        ),
        ("skipped program runs", losses.recursion_misses),
        ("processes that were still running", losses.still_running),
    ]
}

/// Labels of the metrics that lack something.
pub(super) fn unreliable(recording: &Recording) -> Vec<&str> {
    let lossy = recording.metrics.iter().filter(|metric| metric.lost > 0);
    lossy.map(|metric| label(&metric.name)).collect()
}

/// Quotes a word of a command, so that its end is visible.
fn quote(word: &str) -> String {
    let word = escape(word);
    if word.is_empty() || word.contains(char::is_whitespace) {
        return format!("'{word}'");
    }
    word
}
