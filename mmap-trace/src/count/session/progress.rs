//! A line on the terminal that shows which scenario a lesson is running.

use std::{
    io::{self, IsTerminal as _, Write as _},
    rc::Rc,
    sync::atomic::Ordering::Relaxed,
};

use super::page::Page;

/// Draws the line, and removes it when dropped.
pub struct Progress {
    page: Rc<Page>,
    shown: Option<String>,
}

impl Progress {
    /// Watches the first process of a lesson; `None` if standard error is not a terminal.
    #[must_use]
    pub fn new(page: Rc<Page>) -> Option<Self> {
        io::stderr()
            .is_terminal()
            .then_some(Progress { page, shown: None })
    }

    /// Draws the current scenario if it changed.
    pub fn tick(&mut self) {
        let cell = self.page.shared().slots[0].cell.load(Relaxed) as usize;
        let marks = self.page.marks();
        let name = marks
            .cells
            .iter()
            .find(|mark| mark.number == cell)
            .and_then(|mark| marks.scenarios.get(mark.scenario));
        let line = match name {
            Some(name) => format!("running {}", name.escape_default()),
            None => "preparing".to_owned(),
        };
        if self.shown.as_ref() != Some(&line) {
            let _ = write!(io::stderr(), "\r\x1b[K{line} …");
            self.shown = Some(line);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
