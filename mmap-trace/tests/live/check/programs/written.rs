//! Programs held to the kernel's own accounts: the bytes that it let them write (`/proc/PID/io`), and the pages
//! that it took to copy on write.
//!
//! A shell reads its account before and after the program, because an account includes all children that have
//! been waited for. `wchar` counts the results of all calls of the write family and of those that move bytes
//! inside the kernel (`add_wchar`, `fs/read_write.c`), whatever the file. The tracer leaves out /dev/null, which
//! copies nothing; so a file takes its place, in a mount namespace that the program alone has.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::prepare;
use crate::{
    harness::{Outcome, Test},
    oracle,
    page_copies::PageCopies,
    tracer::{self, Recording, Start},
};

pub(in crate::check) const TESTS: &[Test] = &[
    (
        "git gc writes the bytes and copies the pages that the kernel accounts for",
        || hold(&GIT),
    ),
    (
        "Python's processes write the bytes and copy the pages that the kernel accounts for",
        || hold(&PYTHON),
    ),
    (
        "a static Go program writes the bytes and copies the pages that the kernel accounts for",
        || hold(&GO),
    ),
    (
        "PostgreSQL's initdb writes the bytes and copies the pages that the kernel accounts for",
        || hold(&INITDB),
    ),
];

struct Subject {
    /// Returns the reason if it cannot run here.
    missing: fn() -> Option<String>,
    /// What is done before, without the tracer.
    preparation: &'static str,
    command: &'static str,
    /// What else must be true of it.
    relation: fn(&Recording) -> Result<()>,
}

/// It starts twelve other programs or so, and some of them start threads.
const GIT: Subject = Subject {
    missing: || oracle::missing("git"),
    preparation: "git init --quiet . && for n in 1 2 3 4 5; do seq $n 9000 > file && git add file && \
                  git -c user.name=x -c user.email=x commit --quiet -m $n; done",
    command: "git gc --quiet",
    relation: |recording| must_be_more_than(recording, "copied_from_user_bytes.page_cache", 10_000),
};

/// Each page of the shared memory is stored into by one of four processes.
const PYTHON: Subject = Subject {
    missing: no_shared_memory_in_python,
    preparation: "cat > script.py <<'END'
import multiprocessing
from multiprocessing.shared_memory import SharedMemory

def store(name, first):
    memory = SharedMemory(name)
    for page in range(first, first + 100):
        memory.buf[page * 4096] = 1
    memory.close()

def send(queue):
    queue.put(bytes(100_000))

if __name__ == '__main__':
    multiprocessing.set_start_method('fork')
    memory = SharedMemory(create=True, size=1000 * 4096)
    with multiprocessing.Pool(4) as pool:
        pool.starmap(store, [(memory.name, page) for page in range(0, 1000, 100)])
    queue = multiprocessing.Queue()
    senders = [multiprocessing.Process(target=send, args=(queue,)) for _ in range(3)]
    for sender in senders:
        sender.start()
    assert sum(len(queue.get()) for _ in senders) == 300_000
    for sender in senders:
        sender.join()
    assert sum(memory.buf[::4096]) == 1000
    memory.close()
    memory.unlink()
END",
    command: "python3 script.py",
    relation: |recording| {
        let stored = recording.count("exec", "faults.mkwrite")?;
        ensure!(stored == 1000, "{stored} stores into shared memory faulted");
        must_be_more_than(recording, "copied_from_user_bytes.pipe", 300_000)?;
        must_be_more_than(recording, "cow_copied_pages.anonymous", 100)
    },
};

/// shfmt is written in Go and needs no library. It formats three files in their places. Its threads stay on one
/// CPU: if two store into the same page at the same moment, the kernel copies it twice and throws one copy away,
/// which counts as a copy here and not in perf's record.
const GO: Subject = Subject {
    missing: || oracle::missing("shfmt"),
    preparation: "for n in 1 2 3; do for k in $(seq 1000); do echo \"if [ $k = \\$n ];then echo $k; fi\"; done \
                  > $n.sh; done",
    command: "taskset -c 0 shfmt -w 1.sh 2.sh 3.sh",
    relation: |recording| must_be_more_than(recording, "copied_from_user_bytes.page_cache", 90_000),
};

/// It refuses to run as root. Debian leaves it outside `PATH`.
const INITDB: Subject = Subject {
    missing: || {
        let reason = "initdb is not installed (its Debian package also starts a server)".to_owned();
        initdb().is_none().then_some(reason)
    },
    preparation: "mkdir data && chown 65534:65534 . data",
    command: "setpriv --reuid=65534 --regid=65534 --clear-groups \
              $INITDB --pgdata=data --no-sync --no-locale --auth=trust",
    relation: |recording| {
        must_be_more_than(recording, "copied_from_user_bytes.page_cache", 16 << 20)?;
        must_be_more_than(recording, "copied_from_user_bytes.pipe", 100_000)
    },
};

fn must_be_more_than(recording: &Recording, key: &str, least: u64) -> Result<()> {
    let counted = recording.count("exec", key)?;
    ensure!(counted > least, "{key}: only {counted}");
    Ok(())
}

fn no_shared_memory_in_python() -> Option<String> {
    let module = "multiprocessing.shared_memory";
    let asked = Command::new("python3")
        .args(["-c", &format!("import {module}")])
        .output();
    let is_there = asked.is_ok_and(|asked| asked.status.success());
    (!is_there).then(|| format!("python3 with the module {module} is not installed"))
}

fn initdb() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut found = versions
        .flatten()
        .map(|version| version.path().join("bin/initdb"));
    found.find(|path| path.exists())
}

fn hold(subject: &Subject) -> Result<Outcome> {
    if let Some(reason) = (subject.missing)().or_else(|| oracle::missing("perf")) {
        return Ok(Outcome::Skipped(reason));
    }
    // A second run in the same directory would find what the first one made.
    let mut directory = tracer::open_directory()?;
    let mut copies = None;
    let ran = tracer::repeat_if_skipped(|| {
        directory = tracer::open_directory()?;
        prepare(subject.preparation, directory.path())?;
        let (start, recorded) = PageCopies::recorded(start(subject, directory.path())?)?;
        copies = Some(recorded);
        start.finish()
    })?;
    ensure!(ran.output.status.success(), "{}", ran.error());
    let recording = ran.expect()?;
    (subject.relation)(&recording)?;
    must_be_accounted_for(&recording, directory.path())?;
    let wanted = copies.context("perf did not run")?.count()?;
    let counted = recording.count("exec", "cow_copied_pages")?;
    ensure!(
        counted == wanted,
        "{counted} pages were copied on write, the kernel took {wanted} for it"
    );
    Ok(Outcome::Passed)
}

fn start(subject: &Subject, directory: &Path) -> Result<Start> {
    let command = match initdb() {
        Some(initdb) => subject
            .command
            .replace("$INITDB", &initdb.to_string_lossy()),
        None => subject.command.to_owned(),
    };
    let script = format!(
        "set -e; cd {}; touch null; chmod 666 null; mount --bind null /dev/null; cat /proc/$$/io > before; \
         {command} > output 2>&1; cat /proc/$$/io > after",
        directory.display()
    );
    let mut start = Start::of("exec")?;
    start
        .command
        .args(["--follow", "--", "unshare", "--mount", "sh", "-c", &script]);
    Ok(start)
}

/// What was written until the second reading is in the difference; the second reading itself is not.
fn must_be_accounted_for(recording: &Recording, directory: &Path) -> Result<()> {
    let (before, after) = (
        account(&directory.join("before"))?,
        account(&directory.join("after"))?,
    );
    let wanted = after.written - before.written + after.length;
    let mut counted = 0;
    for key in [
        "copied_from_user_bytes",
        "direct_written_bytes",
        "transferred_bytes",
    ] {
        counted += recording.count("exec", key)?;
    }
    let lost = recording.losses_of("exec", |metric| metric == "copied_from_user_bytes")?;
    ensure!(
        lost == 0 && counted == wanted,
        "{counted} bytes were written and {lost} lost, the kernel's account says {wanted}"
    );
    Ok(())
}

struct Account {
    written: u64,
    /// Of the file that it was written to.
    length: u64,
}

fn account(path: &Path) -> Result<Account> {
    let text = std::fs::read_to_string(path).context("read an account")?;
    let written = text.lines().find_map(|line| line.strip_prefix("wchar: "));
    Ok(Account {
        written: written.context("no wchar")?.parse().context("wchar")?,
        length: text.len() as u64,
    })
}
