//! Several processes at the same time in different scenarios and roles, connected by pipes.

use std::{os::fd::OwnedFd, time::Duration};

use anyhow::{Context as _, Result, ensure};
use mmap_trace_ebpf::session::Role;
use nix::unistd::pipe;

use super::{Page, page::Cell};
use crate::{random::Random, sys, workload::join};

/// One process: its scenario, its role, and what it moves.
struct Actor {
    cell: Cell,
    role: Role,
    pipe: OwnedFd,
    bytes: usize,
}

impl Actor {
    /// Moves the bytes in small pieces with pauses, so that all processes live at the same time.
    fn act(&self) -> Result<()> {
        let mut buffer = [7; 3000];
        let mut done = 0;
        while done < self.bytes {
            let piece = &mut buffer[..(self.bytes - done).min(3000)];
            done += match self.role {
                Role::Sender => sys::write(&self.pipe, piece).context("write")?,
                _ => sys::read(&self.pipe, piece).context("read")?,
            };
            std::thread::sleep(Duration::from_micros(100));
        }
        ensure!(done == self.bytes, "{done} of {} bytes", self.bytes);
        Ok(())
    }

    fn key(&self) -> &'static str {
        match self.role {
            Role::Sender => "sender:copied_from_user_bytes.pipe",
            _ => "receiver:copied_to_user_bytes.pipe",
        }
    }
}

/// Each scenario sends to the next one and receives from the one before.
pub(super) fn play(page: Page) -> Result<()> {
    let mut random = Random::new(Random::fresh_seed());
    let cells = ["one", "two", "three"].map(|name| page.claim(name));
    let mut actors = Vec::new();
    for n in 0..cells.len() {
        let (receiver, sender) = pipe().context("pipe")?;
        let bytes = random.between(50_000, 300_000);
        actors.push(Actor {
            cell: cells[n],
            role: Role::Sender,
            pipe: sender,
            bytes,
        });
        let cell = cells[(n + 1) % cells.len()];
        actors.push(Actor {
            cell,
            role: Role::Receiver,
            pipe: receiver,
            bytes,
        });
    }
    let own = random.between(1, 100_000);
    let zero = std::fs::File::open("/dev/zero").context("open")?;
    let mut buffer = vec![0; own];
    let (cell, result) = page.scenario("parent", || -> Result<()> {
        let mut children = Vec::new();
        for (n, actor) in actors.iter().enumerate() {
            children.push(page.fork(n + 1, actor.cell, actor.role, || actor.act())?);
        }
        sys::read(&zero, &mut buffer).context("read")?;
        children.into_iter().try_for_each(join)
    });
    result?;
    for cell in cells {
        page.finish(cell);
    }
    page.expect(cell, "copied_to_user_bytes.other", own);
    page.expect(cell, "copied_to_user_bytes", own);
    page.expect(cell, "copied_from_user_bytes", 0);
    for actor in &actors {
        page.expect(actor.cell, actor.key(), actor.bytes);
        // Only the other actor moves bytes in the other direction.
        let total = actor
            .key()
            .split_once([':', '.'])
            .map_or("", |(_, rest)| rest);
        page.expect(actor.cell, total.trim_end_matches(".pipe"), actor.bytes);
    }
    Ok(())
}
