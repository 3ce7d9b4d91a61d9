//! Golden files: texts that a test compares with a file. `UPDATE=1 cargo test` rewrites the files, so that
//! their diff can be reviewed.

use std::{env, fs, path::Path};

/// Fails if the file at this path, relative to the package, has a different text.
pub(crate) fn assert(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if env::var_os("UPDATE").is_some() {
        fs::write(&file, text).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    let differing = expected
        .lines()
        .zip(text.lines())
        .find(|(was, is)| was != is);
    assert!(
        expected == text,
        "the text differs from {path}, first at {differing:?}; if the new text is right, run \
         UPDATE=1 cargo test -p mmap-trace"
    );
}
