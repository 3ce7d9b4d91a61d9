//! Redis saves a snapshot: a forked child writes out its parent's memory, and what the parent changes meanwhile is
//! copied first. The client is this test, which knows what it sent and received.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{fs::symlink, net::UnixStream},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use mmap_trace::text::search_path;

use crate::{
    harness::{Outcome, Test},
    oracle,
    page_copies::PageCopies,
    tracer::{self, Start},
};

pub(in crate::check) const TESTS: &[Test] = &[(
    "Redis copies the pages that change while it saves, and the rest of its bytes is known",
    saves,
)];

/// The program of Debian's redis-tools that is the server, too, if it is called by that name. The package
/// redis-server would start one.
const PROGRAM: &str = "redis-check-rdb";
const KEYS: usize = 4000;
/// Each of these values shares its page with three others at most.
const VALUE_BYTES: usize = 1000;
/// Every tenth value is changed while the child saves, each on another page.
const CHANGED: usize = KEYS / 10;

fn saves() -> Result<Outcome> {
    let Some(program) = search_path::find(PROGRAM) else {
        return Ok(Outcome::Skipped(format!("{PROGRAM} is not installed")));
    };
    if let Some(reason) = oracle::missing("perf") {
        return Ok(Outcome::Skipped(reason));
    }
    let mut known = None;
    let ran = tracer::repeat_if_skipped(|| {
        let directory = tracer::open_directory()?;
        let server = directory.path().join("redis-server");
        symlink(&program, server).context("symlink")?;
        let (start, copies) = PageCopies::recorded(server_in(directory.path())?)?;
        let running = start.spawn()?;
        let talked = talk(directory.path());
        let ran = running.finish()?;
        let (sent, received) = talked.with_context(|| ran.error())?;
        let snapshot = directory.path().join("dump.rdb");
        let snapshot = snapshot.metadata().context("no snapshot")?.len();
        known = Some([
            ("copied_to_user_bytes.socket", sent),
            ("copied_from_user_bytes.socket", received),
            ("copied_from_user_bytes.page_cache", snapshot),
            ("cow_copied_pages", copies.count()?),
        ]);
        Ok(ran)
    })?;
    let recording = ran.expect()?;
    for (key, wanted) in known.context("Redis did not run")? {
        let counted = recording.count("exec", key)?;
        ensure!(counted == wanted, "{key}: {counted} instead of {wanted}");
    }
    let copied = recording.count("exec", "cow_copied_pages.anonymous")?;
    ensure!(
        copied >= CHANGED as u64,
        "only {copied} pages were copied after the fork"
    );
    Ok(Outcome::Passed)
}

/// The child pauses after each key, so that it still saves when the values change.
fn server_in(directory: &Path) -> Result<Start> {
    let mut start = Start::of("exec")?;
    start.command.arg("--").arg(directory.join("redis-server"));
    start.command.args(["--port", "0", "--save", "", "--dir"]);
    start.command.arg(directory).arg("--unixsocket");
    start.command.arg(directory.join("socket"));
    start.command.args(["--rdb-key-save-delay", "100"]);
    Ok(start)
}

/// Returns the bytes sent and received.
fn talk(directory: &Path) -> Result<(u64, u64)> {
    let mut client = Client::new(&directory.join("socket"))?;
    let value = "v".repeat(VALUE_BYTES);
    for key in 0..KEYS {
        let reply = client.ask(&format!("SET {key} {value}"))?;
        ensure!(reply == "+OK", "SET: {reply}");
    }
    client.ask("BGSAVE")?;
    for key in (0..KEYS).step_by(KEYS / CHANGED) {
        client.ask(&format!("SETRANGE {key} 0 w"))?;
    }
    loop {
        let state = client.ask("INFO persistence")?;
        if state.contains("rdb_bgsave_in_progress:0") {
            ensure!(state.contains("rdb_last_bgsave_status:ok"), "{state}");
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    client.end()
}

struct Client {
    stream: BufReader<UnixStream>,
    sent: u64,
    received: u64,
}

impl Client {
    /// Connects as soon as the server listens.
    fn new(socket: &Path) -> Result<Self> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match UnixStream::connect(socket) {
                Ok(stream) => {
                    return Ok(Client {
                        stream: BufReader::new(stream),
                        sent: 0,
                        received: 0,
                    });
                }
                Err(error) if Instant::now() > deadline => bail!("no server: {error}"),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn send(&mut self, command: &str) -> Result<()> {
        let line = format!("{command}\r\n");
        self.sent += line.len() as u64;
        let mut stream = self.stream.get_ref();
        stream.write_all(line.as_bytes()).context("send")
    }

    /// Returns the line that answers a command, or the text that it announces (`$` and its length).
    fn ask(&mut self, command: &str) -> Result<String> {
        self.send(command)?;
        let mut line = String::new();
        self.received += self.stream.read_line(&mut line).context("receive")? as u64;
        let line = line.trim_end().to_owned();
        ensure!(
            !line.is_empty() && !line.starts_with('-'),
            "{command}: {line:?}"
        );
        let Some(length) = line.strip_prefix('$') else {
            return Ok(line);
        };
        let mut text = vec![0; length.parse::<usize>().context("a length")? + 2];
        self.stream.read_exact(&mut text).context("receive")?;
        self.received += text.len() as u64;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Ends the server, which does not answer.
    fn end(mut self) -> Result<(u64, u64)> {
        self.send("SHUTDOWN NOSAVE")?;
        let mut rest = Vec::new();
        self.received += self.stream.read_to_end(&mut rest).context("receive")? as u64;
        Ok((self.sent, self.received))
    }
}
