//! A dirty page of another file, which shows whether somebody had everything written.
//!
//! Any process on the machine may call sync(2), or dirty so much memory that the kernel writes everything.
//! A lesson that then sees its own pages written learns nothing. As long as the bystander's page stays
//! dirty, neither has happened.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::address_space::dirty_pages;
use crate::data::{Pieces, create};
use crate::mapping::{Filling, MappingMut, Reserved, Sharing, store_each_page};
use crate::{Scenario, page_bytes};

/// The mapped file.
pub struct Bystander {
    mapping: MappingMut,
}

impl Bystander {
    /// Makes the file in this directory and dirties its page.
    ///
    /// It is always a new file: the flusher goes by the time at which a file first became dirty
    /// (`inode.dirtied_when`), and msync(2) does not reset that.
    pub fn dirty(directory: &Path) -> Result<Self> {
        let page = page_bytes();
        let path = directory.join("bystander");
        if path.exists() {
            fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
        }
        let file = create(&path, page, Pieces::of(page))?;
        let place = Reserved::new(page)?;
        let mut mapping = place.map_mut(&file, Sharing::Shared, Filling::OnDemand)?;
        store_each_page(&mut mapping, 1);
        Ok(Bystander { mapping })
    }

    /// Records as `bystander_dirty_pages` whether its page is still dirty.
    pub fn observe(&self, scenario: &Scenario) -> Result<()> {
        scenario.observe("bystander_dirty_pages", self.dirty_pages()?);
        Ok(())
    }

    /// Records the same, and has the scenario played again if the page was written.
    pub fn guard(&self, scenario: &Scenario) -> Result<()> {
        if self.dirty_pages()? == 0 {
            scenario.mark_perturbed();
        }
        self.observe(scenario)
    }

    fn dirty_pages(&self) -> Result<i64> {
        dirty_pages(&self.mapping)
    }
}
