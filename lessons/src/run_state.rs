//! What all scenarios of a run share: the session page, the process's own memory, and what went wrong.

use std::cell::RefCell;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::Result;

use crate::cli::Bodies;
use crate::collapse::Collapses;
use crate::io_account::IoAccount;
use crate::made_files::MadeFiles;
use crate::resident::Resident;
use crate::session::Session;

pub(crate) struct RunState {
    pub(crate) session: Session,
    pub(crate) resident: Resident,
    pub(crate) bodies: Bodies,
    /// Read only if the tracer, running without root, wants it.
    pub(crate) io: Option<IoAccount>,
    pub(crate) made: MadeFiles,
    failure: RefCell<Option<anyhow::Error>>,
}

impl RunState {
    pub(crate) fn establish(session: Session, bodies: Bodies) -> Result<Self> {
        let wants_io = session.page().wants_io.load(Relaxed) == 1;
        let io = wants_io.then(IoAccount::open).transpose()?;
        Ok(RunState {
            session,
            io,
            resident: Resident::establish()?,
            bodies,
            made: MadeFiles::none(Collapses::now()),
            failure: RefCell::new(None),
        })
    }

    /// Keeps the first error that occurred inside the library; the run ends with it.
    pub(crate) fn fail(&self, error: anyhow::Error) {
        self.failure.borrow_mut().get_or_insert(error);
    }

    pub(crate) fn into_failure(self) -> Option<anyhow::Error> {
        self.failure.into_inner()
    }
}
