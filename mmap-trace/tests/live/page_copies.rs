//! perf's record of the pages that the kernel took in order to copy others into them: an oracle of
//! copy-on-write.
//!
//! A fault that copies takes a movable page without zeros for a mapping (`vma_alloc_folio`, mm/mempolicy.c; its
//! callers are in mm/memory.c). It gives the page back at once if the page table has changed meanwhile, or if
//! it has to wait for the page that it was to copy.

use std::{
    collections::HashMap,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use tempfile::NamedTempFile;

use crate::tracer::{self, Start};

/// What perf records while a tracer runs.
pub(crate) struct PageCopies {
    data: NamedTempFile,
}

impl PageCopies {
    /// Puts perf in front of a tracer.
    pub(crate) fn recorded(start: Start) -> Result<(Start, Self)> {
        let data = NamedTempFile::new_in("/var/tmp").context("tempfile")?;
        let mut command = Command::new("perf");
        command.args(["record", "--quiet", "--mmap-pages=16M", "-g"]);
        command.arg("--kernel-callchains");
        for event in ["kmem:mm_page_alloc", "kmem:mm_page_free"] {
            command.args(["--event", event, "--filter", "order == 0"]);
        }
        command.arg("--output").arg(data.path()).arg("--");
        let tracer = &start.command;
        command.arg(tracer.get_program()).args(tracer.get_args());
        command
            .env_remove("SUDO_UID")
            .env_remove("SUDO_GID")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        tracer::without_random_addresses(&mut command);
        Ok((start.with(command), PageCopies { data }))
    }

    /// The pages that the traced command and its descendants copied.
    pub(crate) fn count(&self) -> Result<u64> {
        let output = Command::new("perf")
            .args(["script", "--show-lost-events", "--fields"])
            .args(["comm,tid,event,trace,ip,sym", "--input"])
            .arg(self.data.path())
            .output()
            .context("start perf")?;
        ensure!(output.status.success(), "perf script: {}", output.status);
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(
            !text.contains("PERF_RECORD_LOST"),
            "perf has lost events, so it is no oracle"
        );
        Ok(copied(text.split("\n\n").filter_map(Event::parse)))
    }
}

fn copied<'a>(events: impl Iterator<Item = Event<'a>>) -> u64 {
    let mut copies = 0;
    let mut last_frames = HashMap::new();
    let mut begun = false;
    for event in events.filter(|event| !event.is_of_the_tracer()) {
        // The tracer counts from the end of the command's execve.
        begun |= !event.is_inside("load_elf_binary");
        if !begun || !event.is_inside("handle_mm_fault") {
            continue;
        }
        if event.takes_a_page_to_copy_into() {
            copies += 1;
            last_frames.insert(event.thread, event.frame);
        } else if event.gives_a_page_back() && last_frames.get(event.thread) == Some(&event.frame) {
            copies -= 1;
            last_frames.remove(event.thread);
        }
    }
    copies
}

/// A page that was allocated or freed.
struct Event<'a> {
    program: &'a str,
    thread: &'a str,
    name: &'a str,
    frame: &'a str,
    flags: &'a str,
    /// From the innermost to the outermost.
    functions: Vec<&'a str>,
}

impl<'a> Event<'a> {
    /// Lines such as `sh 12 kmem:mm_page_alloc: page=0x1e6d0b pfn=0x1e6d0b order=0 gfp_flags=GFP_KERNEL` and
    /// `ffffffff815e4bde do_fault`.
    fn parse(text: &'a str) -> Option<Self> {
        let mut lines = text.trim().lines();
        let (task, event) = lines.next()?.split_once(" kmem:")?;
        let (program, thread) = task.trim().rsplit_once(char::is_whitespace)?;
        let (name, fields) = event.split_once(':')?;
        let field = |name| {
            let mut words = fields.split_whitespace();
            words.find_map(|word| word.strip_prefix(name))
        };
        Some(Event {
            program: program.trim(),
            thread,
            name,
            frame: field("pfn=")?,
            flags: field("gfp_flags=").unwrap_or_default(),
            functions: lines
                .filter_map(|line| line.split_whitespace().nth(1))
                .collect(),
        })
    }

    fn is_of_the_tracer(&self) -> bool {
        self.program.starts_with("mmap-trace") || self.program.starts_with("perf")
    }

    fn is_inside(&self, function: &str) -> bool {
        self.functions.iter().any(|name| name.starts_with(function))
    }

    fn takes_a_page_to_copy_into(&self) -> bool {
        self.name == "mm_page_alloc"
            && self.flags.contains("MOVABLE")
            && !self.flags.contains("GFP_ZERO")
            && self.is_inside("vma_alloc_folio")
            && !self.is_inside("shmem_")
    }

    /// Not on behalf of a list of pages that were freed earlier (`lru_add_drain`, mm/swap.c).
    fn gives_a_page_back(&self) -> bool {
        self.name == "mm_page_free"
            && !self.is_inside("folios_put")
            && !self.is_inside("release_pages")
    }
}
