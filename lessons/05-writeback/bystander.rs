//! Another file with one dirty page, which nobody asks to be written.
//!
//! Anybody on the machine may call sync(2) or use up the memory that dirty pages may take; then everything
//! is written, and a lesson that sees its own pages written would learn nothing. As long as the
//! bystander's page stays dirty, nothing of the kind has happened.

use std::path::Path;

use anyhow::Result;
use lessons::data::{self, Pieces};
use lessons::mapping::{Filling, MappingMut, Reserved, Sharing, store_each_page};
use lessons::{Scenario, page_bytes};

use crate::dirty_pages;

pub(crate) struct Bystander {
    mapping: MappingMut,
}

impl Bystander {
    /// Its page has been dirty from now on.
    pub(crate) fn dirty(directory: &Path) -> Result<Self> {
        let file = data::create(
            &directory.join("bystander"),
            page_bytes(),
            Pieces::of(page_bytes()),
        )?;
        let place = Reserved::new(page_bytes())?;
        let mut mapping = place.map_mut(&file, Sharing::Shared, Filling::OnDemand)?;
        store_each_page(&mut mapping, 1);
        Ok(Bystander { mapping })
    }

    /// As if it had been made now: pages are written when they have been dirty for long enough.
    pub(crate) fn rejuvenate(&mut self) -> Result<()> {
        self.mapping.flush()?;
        store_each_page(&mut self.mapping, 1);
        Ok(())
    }

    pub(crate) fn observe(&self, scenario: &Scenario) -> Result<()> {
        scenario.observe("bystander_dirty_pages", dirty_pages(&self.mapping)?);
        Ok(())
    }
}
