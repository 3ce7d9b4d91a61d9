//! What a student sees in the terminal: 80 columns, with or without colour.

use super::{Style, claims, header, legend, sheet::Sheet, tables};
use crate::{checks::lesson_file::LessonFile, record::Recording};

/// A Recording as text. `file` says which tables a lesson wants; its claims come from the Recording.
#[must_use]
pub fn render(recording: &Recording, file: Option<&LessonFile>, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    header::write(&mut sheet, recording, file);
    tables::write(&mut sheet, recording, file);
    legend::write(&mut sheet, recording);
    claims::write(&mut sheet, recording);
    sheet.into_text()
}
