//! The complete lesson in `lessons/WRITING.md`.

use std::{fs, os::unix::fs::PermissionsExt as _};

use anyhow::{Context as _, Result, ensure};

use crate::{
    harness::{Outcome, Test},
    lesson, tracer,
};

pub(super) const TESTS: &[Test] = &[(
    "every claim of the lesson in WRITING.md holds",
    every_claim_holds,
)];

const LESSON: &str = include_str!("../../../../lessons/tests/fixtures/minimal/lesson.toml");

fn every_claim_holds() -> Result<Outcome> {
    // Fails with the command that builds it; the tracer finds it beside itself.
    tracer::lesson("lesson-minimal")?;
    let folder = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    fs::write(folder.path().join("lesson.toml"), LESSON).context("lesson.toml")?;
    let recording = tracer::run(&lesson::argument(&folder), &[])?.expect()?;
    let claims = recording.0["claims"].as_array().context("no claims")?;
    ensure!(claims.len() == 3, "{} claims", claims.len());
    for claim in claims {
        ensure!(claim["verdict"] == "holds", "{claim:#}");
    }
    Ok(Outcome::Passed)
}
