//! The PFN lookup, the one service that the tracer offers to a lesson.

use anyhow::{Context as _, Result, ensure};
use mmap_trace_ebpf::session::{FRAME_ABSENT, FRAME_FOUND, FRAME_REFUSED};

use super::play;
use crate::{
    harness::{Outcome, Test},
    tracer::Recording,
};

pub(super) const TESTS: &[Test] = &[(
    "the PFN lookup answers for the lesson's own processes, and only outside scenarios",
    looked_up,
)];

fn looked_up() -> Result<Outcome> {
    let recording = play("frames", &[])?.expect()?;
    for (scenario, name, wanted) in [
        ("frames", "own", FRAME_FOUND),
        ("frames", "again", FRAME_FOUND),
        ("frames", "nowhere", FRAME_ABSENT),
        ("frames", "tracer", FRAME_REFUSED),
        ("frames", "init", FRAME_REFUSED),
        ("inside", "own", FRAME_REFUSED),
    ] {
        let found = observed(&recording, scenario, "result", name)?;
        ensure!(
            found == i64::from(wanted),
            "{scenario}, {name}: the answer is {found}, not {wanted}"
        );
    }
    let frame = |name| observed(&recording, "frames", "frame", name);
    ensure!(frame("own")? > 0 && frame("own")? == frame("again")?);
    for name in ["nowhere", "tracer", "init"] {
        ensure!(frame(name)? == 0, "{name}: a number all the same");
    }
    Ok(Outcome::Passed)
}

fn observed(recording: &Recording, scenario: &str, name: &str, by: &str) -> Result<i64> {
    recording.scenario(scenario)?["observed"][name]["by"][by]
        .as_i64()
        .with_context(|| format!("{scenario} observed no {name}.{by}"))
}
