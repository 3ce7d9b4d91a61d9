//! Another file with one dirty page, which nobody asks to be written.
//!
//! Anybody on the machine may call sync(2) or use up the memory that dirty pages may take; then everything
//! is written, and a lesson that sees its own pages written would learn nothing. As long as the
//! bystander's page stays dirty, nothing of the kind has happened.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::address_space::dirty_pages;
use crate::data::{Pieces, create};
use crate::mapping::{Filling, MappingMut, Reserved, Sharing, store_each_page};
use crate::{Scenario, page_bytes};

/// The file, mapped.
pub struct Bystander {
    mapping: MappingMut,
}

impl Bystander {
    /// Makes the file in this directory; its page is dirty from now on.
    ///
    /// The flusher goes by the time when a file first became dirty (`inode.dirtied_when`), and msync(2)
    /// does not reset that. So it is always a new file.
    pub fn dirty(directory: &Path) -> Result<Self> {
        let page = page_bytes();
        let path = directory.join("bystander");
        if path.exists() {
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
        let file = create(&path, page, Pieces::of(page))?;
        let place = Reserved::new(page)?;
        let mut mapping = place.map_mut(&file, Sharing::Shared, Filling::OnDemand)?;
        store_each_page(&mut mapping, 1);
        Ok(Bystander { mapping })
    }

    /// Says with the observation `bystander_dirty_pages` whether its page is dirty still.
    pub fn observe(&self, scenario: &Scenario) -> Result<()> {
        scenario.observe("bystander_dirty_pages", self.dirty_pages()?);
        Ok(())
    }

    /// The same, and has the scenario played again if its page was written.
    pub fn guard(&self, scenario: &Scenario) -> Result<()> {
        if self.dirty_pages()? == 0 {
            scenario.spoil();
        }
        self.observe(scenario)
    }

    fn dirty_pages(&self) -> Result<i64> {
        dirty_pages(&self.mapping)
    }
}
