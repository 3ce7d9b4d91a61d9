//! Programs whose output tells how much they have written: files have sizes, and fio is told how much to move.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::{
    disk::pages_of,
    harness::{Outcome, Test},
    oracle,
    random::Random,
    tracer::{self, Recording},
};

pub(in crate::check) const TESTS: &[Test] = &[
    ("tar writes the bytes of its archive", || hold(&TAR)),
    (
        "rsync writes the files that it makes, and its processes send them to each other",
        || hold(&RSYNC),
    ),
    (
        "in the namespaces of bubblewrap dd writes the bytes of its file",
        || hold(&BUBBLEWRAP),
    ),
    (
        "fio writes what it is told to by calls, native AIO and io_uring",
        || {
            FIO_COPIES
                .iter()
                .try_fold(Outcome::Passed, |_, fio| hold(fio))
        },
    ),
    (
        "fio writes with O_DIRECT what it is told to by native AIO and io_uring",
        || {
            FIO_TRANSFERS
                .iter()
                .try_fold(Outcome::Passed, |_, fio| hold(fio))
        },
    ),
    ("fio dirties by stores the pages that it is told to", || {
        hold(&FIO_STORES)
    }),
];

/// A program that makes files in the directory `out`, some of them from files in the directory `in`.
struct Producer {
    program: &'static str,
    command: &'static str,
    /// What its files prove.
    relation: fn(&Made) -> Result<()>,
}

/// What it has made, and what was counted meanwhile.
struct Made {
    bytes: u64,
    recording: Recording,
}

const TAR: Producer = Producer {
    program: "tar",
    command: "tar --create --file=out/archive in",
    relation: Made::must_be_written,
};

const RSYNC: Producer = Producer {
    program: "rsync",
    command: "rsync --recursive --whole-file in/ out/",
    relation: |made| {
        made.must_be_written()?;
        for key in [
            "copied_from_user_bytes.socket",
            "copied_to_user_bytes.socket",
        ] {
            let through = made.count(key)?;
            ensure!(
                through > made.bytes,
                "{key}: {through} for {} bytes",
                made.bytes
            );
        }
        Ok(())
    },
};

const BUBBLEWRAP: Producer = Producer {
    program: "bwrap",
    command: "bwrap --bind / / --dev /dev --unshare-all \
              dd if=/dev/zero of=out/file bs=1000003 count=3 status=none",
    relation: Made::must_be_written,
};

/// A job of fio: 1,024 writes of a page each.
macro_rules! fio {
    ($engine:literal, $relation:expr) => {
        Producer {
            program: "fio",
            command: concat!(
                "fio --name=job --filename=out/file --size=4M --bs=4k --rw=randwrite --end_fsync=1 \
                 --output=/dev/null --iodepth=8 --ioengine=",
                $engine
            ),
            relation: $relation,
        }
    };
}

const FIO_COPIES: &[Producer] = &[
    fio!("psync", Made::must_be_written_back),
    fio!("libaio", Made::must_be_written_back),
    fio!("io_uring", Made::must_be_written_back),
    fio!(
        "io_uring --force_async=2 --nonvectored=0",
        Made::must_be_written_back
    ),
    fio!(
        "io_uring --sqthread_poll=1 --fixedbufs=1 --registerfiles=1",
        Made::must_be_written_back
    ),
];

const FIO_TRANSFERS: &[Producer] = &[
    fio!("libaio --direct=1", Made::must_be_transferred),
    fio!("io_uring --direct=1", Made::must_be_transferred),
    fio!(
        "io_uring --direct=1 --fixedbufs=1 --hipri=1",
        Made::must_be_transferred
    ),
];

/// It lays the file out by calls and syncs it before it maps it, so every page becomes dirty twice.
const FIO_STORES: Producer = Producer {
    program: "fio",
    command: "fio --name=job --filename=out/file --size=4M --bs=4k --rw=randwrite --ioengine=mmap \
              --end_fsync=1 --output=/dev/null",
    relation: |made| {
        made.must_be_written()?;
        made.must_count("pages_dirtied", 2 * pages_of(made.bytes))?;
        made.must_count("pages_written", 2 * pages_of(made.bytes))
    },
};

impl Made {
    fn count(&self, key: &str) -> Result<u64> {
        self.recording.count("exec", key)
    }

    fn must_count(&self, key: &str, wanted: u64) -> Result<()> {
        let counted = self.count(key)?;
        ensure!(counted == wanted, "{key}: {counted} instead of {wanted}");
        Ok(())
    }

    /// The same, and every page was dirtied and written back once.
    fn must_be_written_back(&self) -> Result<()> {
        self.must_be_written()?;
        self.must_count("pages_dirtied", pages_of(self.bytes))?;
        self.must_count("pages_written", pages_of(self.bytes))
    }

    /// No byte of its files was copied.
    fn must_be_transferred(&self) -> Result<()> {
        self.must_count("direct_written_bytes", self.bytes)?;
        self.must_count("copied_from_user_bytes.page_cache", 0)
    }

    /// Every byte of its files was copied into the page cache once, and no other.
    fn must_be_written(&self) -> Result<()> {
        self.must_count("copied_from_user_bytes.page_cache", self.bytes)
    }
}

fn hold(producer: &Producer) -> Result<Outcome> {
    if let Some(reason) = oracle::missing(producer.program) {
        return Ok(Outcome::Skipped(reason));
    }
    // A second run in the same directory would find what the first one made.
    let mut directory = tracer::open_directory()?;
    let ran = tracer::repeat_if_skipped(|| {
        directory = tracer::open_directory()?;
        fill(directory.path())?;
        let script = format!(
            "cd {} && exec {}",
            directory.path().display(),
            producer.command
        );
        let mut start = tracer::Start::of("exec")?;
        start.command.args(["--follow", "--", "sh", "-c", &script]);
        start.finish()
    })?;
    ensure!(ran.output.status.success(), "{}", ran.error());
    let made = Made {
        bytes: bytes_in(&directory.path().join("out"))?,
        recording: ran.expect()?,
    };
    ensure!(made.bytes > 0, "{} made nothing", producer.program);
    (producer.relation)(&made)?;
    Ok(Outcome::Passed)
}

/// Makes the directories, and five files of random sizes.
fn fill(directory: &Path) -> Result<()> {
    for name in ["in", "out"] {
        std::fs::create_dir(directory.join(name)).context(name)?;
    }
    let mut random = Random::new(5);
    for n in 1..=5_u8 {
        let bytes = vec![n; random.between(1, 300_000)];
        let path = directory.join("in").join(n.to_string());
        std::fs::write(path, bytes).context("write")?;
    }
    Ok(())
}

fn bytes_in(directory: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(directory).context("read_dir")? {
        sum += entry?.metadata()?.len();
    }
    Ok(sum)
}
