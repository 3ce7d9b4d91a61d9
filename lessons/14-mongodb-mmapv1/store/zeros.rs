//! New files: filled with zeros before they are mapped.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

/// Files are filled in pieces of one page, so that folios are small and a store dirties one page.
const PIECE_BYTES: usize = 4096;

/// Opens a file, and fills it with zeros up to this length if it is new or a crash cut its making short.
pub(super) fn open_filled(path: &Path, bytes: usize) -> Result<File> {
    let context = || format!("opening {}", path.display());
    let mut options = File::options();
    let options = options.read(true).append(true).create(true);
    let mut file = options.open(path).with_context(context)?;
    let present = usize::try_from(file.metadata().with_context(context)?.len())?;
    if present < bytes {
        for start in (present..bytes).step_by(PIECE_BYTES) {
            let piece = &[0; PIECE_BYTES][..PIECE_BYTES.min(bytes - start)];
            file.write_all(piece)
                .with_context(|| format!("filling {} with zeros", path.display()))?;
        }
        file.sync_all().with_context(context)?;
    }
    Ok(file)
}
