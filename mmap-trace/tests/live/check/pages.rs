//! Pages of runs, commands and comparisons.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use mmap_trace::text::search_path;
use serde_json::Value;

use crate::{
    browser::Browser,
    harness::{Outcome, Test},
    tracer,
};

pub(super) const TESTS: &[Test] = &[
    (
        "a run and a report of it draw the same page, with every claim and count",
        same_page,
    ),
    (
        "a page that cannot be written is refused before the run",
        refused,
    ),
    (
        "pages fit a phone and a wide screen, and the browser has nothing to complain about",
        in_a_browser,
    ),
];

/// A lesson with few scenarios, none of which waits.
const LESSON: &str = "lesson-8";
/// A phone, and a wide screen.
const WIDTHS: [u32; 2] = [360, 1_440];

/// Runs the lesson with a page, and returns the recording and its file.
fn run(folder: &Path) -> Result<(Value, PathBuf)> {
    let page = folder.join("run.html");
    let page = page.to_str().context("the path is not UTF-8")?;
    let options = ["--size", "1MiB", "--no-predict", "--html", page];
    let ran = tracer::run(LESSON.as_ref(), &options)?;
    let recording = ran.expect()?.0;
    let file = folder.join("run.json");
    fs::write(&file, recording.to_string()).context("run.json")?;
    Ok((recording, file))
}

fn report(arguments: &[&Path], page: &Path) -> Result<()> {
    let mut command = tracer::command(["report"])?;
    let output = command.args(arguments).arg("--html").arg(page).output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "report: {error}");
    ensure!(output.stdout.is_empty(), "it also printed something");
    Ok(())
}

/// The claims of a recording, and its numbers as a page shows them.
fn expected(recording: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut texts = Vec::new();
    for claim in list(&recording["claims"]) {
        texts.extend(claim["id"].as_str().map(str::to_owned));
    }
    for scenario in list(&recording["scenarios"]) {
        texts.extend(scenario["name"].as_str().map(str::to_owned));
        for count in scenario["counts"].as_object().into_iter().flatten() {
            let value = count.1["value"].as_u64();
            texts.extend(value.map(mmap_trace::text::number::thousands));
        }
    }
    texts
}

fn same_page() -> Result<Outcome> {
    let folder = tracer::open_directory()?;
    let (recording, file) = run(folder.path())?;
    let drawn = folder.path().join("report.html");
    report(&[&file], &drawn)?;
    let page = fs::read_to_string(folder.path().join("run.html")).context("run.html")?;
    ensure!(page == fs::read_to_string(&drawn)?, "the pages differ");
    for text in expected(&recording) {
        ensure!(page.contains(&text), "the page has no {text}");
    }
    Ok(Outcome::Passed)
}

fn refused() -> Result<Outcome> {
    let folder = tracer::open_directory()?;
    let link = folder.path().join("link.html");
    std::os::unix::fs::symlink("/nowhere", &link).context("symlink")?;
    let proof = folder.path().join("ran");
    let mut run = tracer::command(["run", LESSON, "--html"])?;
    run.arg(&link);
    let mut exec = tracer::command(["exec", "--html"])?;
    exec.arg(&link).args(["--", "touch"]).arg(&proof);
    for mut command in [run, exec] {
        let output = command.output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(error.contains("symbolic link"), "{command:?}: {error}");
        ensure!(output.stdout.is_empty() && !proof.exists(), "{command:?}");
    }
    Ok(Outcome::Passed)
}

/// A page with every fault that the test looks for.
const BROKEN: &str =
    "<div style='width: 2000px'>x</div><img src='gone.png'><script>gone()</script>";

/// A browser that finds nothing must be one that would.
fn must_notice(browser: &mut Browser, page: &Path) -> Result<()> {
    fs::write(page, BROKEN).context("broken.html")?;
    let wrong = browser.open(page, WIDTHS[1])?;
    for method in ["Network.requestWillBeSent", "Runtime.exceptionThrown"] {
        let is_found = wrong.iter().any(|event| event["method"] == method);
        ensure!(is_found, "no {method}: {wrong:?}");
    }
    let wide = browser.evaluate("document.documentElement.scrollWidth")?;
    ensure!(wide.as_u64() > Some(WIDTHS[1].into()), "{wide}");
    Ok(())
}

fn in_a_browser() -> Result<Outcome> {
    if search_path::find("chromium").is_none() {
        return Ok(Outcome::Skipped("there is no chromium".to_owned()));
    }
    let folder = tracer::open_directory()?;
    let at = |name: &str| folder.path().join(name);
    let (recording, file) = run(folder.path())?;
    let mut exec = tracer::command(["exec", "--html"])?;
    let output = exec.arg(at("exec.html")).args(["--", "true"]).output()?;
    ensure!(output.status.success(), "exec: {}", output.status);
    report(&[Path::new("--compare"), &file, &file], &at("compare.html"))?;
    let mut claims = tracer::command(["claims", "--html"])?;
    let output = claims.arg(at("claims.html")).arg(&file).output()?;
    ensure!(output.status.success(), "claims: {}", output.status);
    let mut browser = Browser::start()?;
    must_notice(&mut browser, &at("broken.html"))?;
    for name in ["run.html", "exec.html", "compare.html", "claims.html"] {
        for width in WIDTHS {
            let wrong = browser.open(&at(name), width)?;
            ensure!(wrong.is_empty(), "{name}: {wrong:?}");
            let wide = browser.evaluate("document.documentElement.scrollWidth")?;
            ensure!(
                wide.as_u64() <= Some(width.into()),
                "{name}: {wide} at {width}"
            );
        }
    }
    browser.open(&at("run.html"), WIDTHS[0])?;
    let text = browser.evaluate("document.body.textContent")?;
    let text = text.as_str().context("no text")?;
    for expected in expected(&recording) {
        ensure!(text.contains(&expected), "the text has no {expected}");
    }
    Ok(Outcome::Passed)
}
