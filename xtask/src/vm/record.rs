//! `cargo xtask kernels --record`: records again which probes the kernels in VMs can have.
//!
//! The tests of the choice between probes use these facts. They name every tracepoint, function and
//! field of the plan, so that a new one is missing from all of them until they are recorded again.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, ensure};
use fs_err as fs;
use mailbox::{Job, Kind};

use super::{
    boot, guest_programs,
    initramfs::{self, Content},
    programs::Programs,
    series::Series,
    store,
};
use crate::{account::Builder, build, cache::Cache, say, setup, workspace};

/// Where each kernel has a file.
const FOLDER: &str = "mmap-trace/tests/fixtures/kernels";

/// The doctor attaches everything once, which takes seconds where instructions are emulated.
const LIMIT_SECONDS: u64 = 300;

/// Records every kernel that has a file; one that Debian no longer offers keeps the facts it has.
pub(crate) fn record(builder: &Builder) -> Result<ExitCode> {
    setup::ensure(builder)?;
    build::programs(builder)?;
    let cache = Cache::of_this_account()?;
    let content = guest_programs::content()?;
    let mut code = ExitCode::SUCCESS;
    for (series, file) in recorded()? {
        match facts_of(series, &cache, &content) {
            Ok(facts) => {
                fs::write(&file, serde_json::to_string_pretty(&facts)? + "\n")?;
                say::note(format_args!("{} recorded", file.display()));
            }
            Err(error) => {
                say::note(format_args!("Linux {series} is not recorded: {error:#}"));
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn recorded() -> Result<Vec<(Series, PathBuf)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(workspace::root()?.join(FOLDER))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let series = name.parse().map_err(anyhow::Error::msg)?;
        all.push((series, path.clone()));
    }
    all.sort();
    Ok(all)
}

fn facts_of(series: Series, cache: &Cache, content: &Content) -> Result<serde_json::Value> {
    let programs = Programs::new(cache);
    let kernel = store::ensure(cache, series)?;
    let initramfs = initramfs::build(&kernel, content)?;
    let job = Job {
        command: ["/usr/bin/mmap-trace", "doctor", "--format", "json"]
            .map(str::to_owned)
            .to_vec(),
        environment: Vec::new(),
        collect: None,
        limit_seconds: LIMIT_SECONDS,
    };
    let mut printed = Vec::new();
    boot::run(&kernel, &job, &programs, &initramfs, |kind, bytes| {
        if kind == Kind::Stdout {
            printed.extend_from_slice(bytes);
        }
    })?;
    let mut diagnosis: serde_json::Value = serde_json::from_slice(&printed)
        .with_context(|| format!("the doctor printed no JSON in Linux {series}"))?;
    let facts = diagnosis["counting"]["facts"].take();
    ensure!(
        facts.is_object(),
        "the doctor printed no facts in Linux {series}"
    );
    Ok(facts)
}
