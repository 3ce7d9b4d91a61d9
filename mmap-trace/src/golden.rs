//! Text that a test holds against a file. `UPDATE=1 cargo test` writes the files anew; the diff is then
//! what is to be reviewed.

use std::{env, fs, path::Path};

/// Fails if the file of this path, below the package, has another text.
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
        "{path} has another text ({differing:?}); if the new one is right, write it with \
         UPDATE=1 cargo test -p mmap-trace"
    );
}
