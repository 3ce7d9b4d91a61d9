//! The binary as people meet it. Cargo builds it for this test, so tests of other packages can start it too.

use std::process::Command;

#[test]
fn the_help_names_every_command() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("--help")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for command in [
        "run",
        "open",
        "kernels",
        "doctor",
        "list",
        "read",
        "completions",
        "man",
        "setup",
        "test",
    ] {
        let line = format!("\n  {command} ");
        assert!(text.contains(&line), "no {command} in {text}");
    }
}
