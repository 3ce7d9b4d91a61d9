//! The tables of the session page: scenarios, rounds and observations. Only the lesson writes them.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Result, bail, ensure};
use mmap_trace_ebpf::session::{
    CELL_ENTERED, CELL_FINISHED, CELLS, Cell, NAME_BYTES, OBSERVATIONS, Observation, Role,
    SCENARIOS,
};

use super::{CellIndex, ScenarioIndex, Session, name};
use crate::io_account::Values;
use crate::usage::Usage;
use crate::work::Work;

impl Session {
    /// Returns the index of the scenario with this name; a new name gets a new one.
    pub(crate) fn scenario(self, wanted: &str) -> Result<ScenarioIndex> {
        let page = self.page();
        let known = page.scenario_count.load(Relaxed);
        let found =
            (0..known).find(|index| name::text(&page.scenario_names[*index as usize]) == wanted);
        if let Some(index) = found {
            return Ok(ScenarioIndex(index));
        }
        check_name(wanted)?;
        let index = self.next_entry(&page.scenario_count, 0, SCENARIOS, "scenarios")?;
        name::write(&page.scenario_names[index as usize], wanted);
        Ok(ScenarioIndex(index))
    }

    /// Allocates a cell for a round of the scenario and marks it as entered.
    pub(crate) fn claim_cell(self, scenario: ScenarioIndex) -> Result<CellIndex> {
        // Cell 0 is the time outside every scenario.
        let index = self.next_entry(&self.page().cell_count, 1, CELLS, "rounds")?;
        let cell = &self.page().cells[index as usize];
        cell.scenario.store(scenario.0, Relaxed);
        cell.state.store(CELL_ENTERED, Relaxed);
        Ok(CellIndex(index))
    }

    /// Records that a process of this role takes part in the round.
    pub(crate) fn take_part(self, index: CellIndex, role: Role) {
        self.cell(index).roles.fetch_or(role.bit(), Relaxed);
    }

    /// Records when a round began and ended and what it did.
    pub(crate) fn finish_cell(self, index: CellIndex, begin_ns: u64, end_ns: u64, work: Work) {
        let cell = self.cell(index);
        cell.begin_ns.store(begin_ns, Relaxed);
        cell.end_ns.store(end_ns, Relaxed);
        cell.work_bytes.store(work.bytes, Relaxed);
        cell.work_pages.store(work.pages, Relaxed);
        cell.work_operations.store(work.operations, Relaxed);
        cell.state.store(CELL_FINISHED, Relaxed);
    }

    /// Takes the round back: a cell without a state is not counted.
    pub(crate) fn discard_cell(self, index: CellIndex) {
        self.cell(index).state.store(0, Relaxed);
    }

    /// Adds to a round what `getrusage(2)` or `wait4(2)` counted.
    pub(crate) fn add_usage(self, index: CellIndex, usage: Usage) {
        let cell = self.cell(index);
        cell.minor_faults.fetch_add(usage.minor_faults, Relaxed);
        cell.major_faults.fetch_add(usage.major_faults, Relaxed);
        cell.user_us.fetch_add(usage.user_us, Relaxed);
        cell.system_us.fetch_add(usage.system_us, Relaxed);
        cell.usage_ready.store(1, Relaxed);
    }

    /// Records what `/proc/self/io` counted during a round.
    pub(crate) fn set_io(self, index: CellIndex, values: Values) {
        let cell = self.cell(index);
        for (place, value) in cell.io.iter().zip(values) {
            place.store(value, Relaxed);
        }
        cell.io_ready.store(1, Relaxed);
    }

    /// Records an observation, or replaces its value.
    pub(crate) fn observe(
        self,
        scenario: ScenarioIndex,
        wanted: &str,
        by: &str,
        value: i64,
    ) -> Result<()> {
        let page = self.page();
        let known = page.observation_count.load(Relaxed) as usize;
        let is_same = |entry: &&Observation| {
            entry.scenario.load(Relaxed) == scenario.0
                && name::text(&entry.name) == wanted
                && name::text(&entry.by) == by
        };
        if let Some(entry) = page.observations[..known].iter().find(is_same) {
            entry.value.store(value, Relaxed);
            return Ok(());
        }
        check_name(wanted)?;
        if !by.is_empty() {
            check_name(by)?;
        }
        let index = self.next_entry(&page.observation_count, 0, OBSERVATIONS, "observations")?;
        let entry = &page.observations[index as usize];
        entry.scenario.store(scenario.0, Relaxed);
        entry.value.store(value, Relaxed);
        name::write(&entry.name, wanted);
        name::write(&entry.by, by);
        entry.ready.store(1, Relaxed);
        Ok(())
    }

    fn cell(self, index: CellIndex) -> &'static Cell {
        &self.page().cells[index.0 as usize]
    }

    /// Allocates the next entry of a table whose first usable entry is `first`.
    fn next_entry(self, count: &AtomicU32, first: u32, entries: usize, what: &str) -> Result<u32> {
        let index = first + count.load(Relaxed);
        if index as usize >= entries {
            self.page().overflow.store(1, Relaxed);
            bail!(
                "the session page has room for {} {what} and the lesson needs more",
                entries - first as usize
            );
        }
        count.store(index - first + 1, Relaxed);
        Ok(index)
    }
}

fn check_name(wanted: &str) -> Result<()> {
    ensure!(
        name::fits(wanted),
        "the session page takes names of 1 to {NAME_BYTES} bytes without NUL, not {wanted:?}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session::private().expect("anonymous memory")
    }

    #[test]
    fn a_name_keeps_its_index() {
        let session = session();
        let first = session.scenario("first").expect("room");
        let second = session.scenario("second").expect("room");
        assert_ne!(first, second);
        assert_eq!(session.scenario("first").expect("known"), first);
    }

    #[test]
    fn a_full_table_is_an_error_and_sets_overflow() {
        let session = session();
        let scenario = session.scenario("only").expect("room");
        for _ in 1..CELLS {
            session.claim_cell(scenario).expect("room");
        }
        assert_eq!(session.page().overflow.load(Relaxed), 0);
        assert!(session.claim_cell(scenario).is_err());
        assert_eq!(session.page().overflow.load(Relaxed), 1);
        assert_eq!(session.page().cell_count.load(Relaxed) as usize, CELLS - 1);

        for index in 1..SCENARIOS {
            session.scenario(&format!("s{index}")).expect("room");
        }
        assert!(session.scenario("one-more").is_err());
        session.scenario("s7").expect("known names need no room");
        for index in 0..OBSERVATIONS {
            session
                .observe(scenario, "o", &index.to_string(), 1)
                .expect("room");
        }
        assert!(session.observe(scenario, "p", "", 1).is_err());
    }

    #[test]
    fn observing_again_replaces_the_value() {
        let session = session();
        let scenario = session.scenario("only").expect("room");
        for value in [1, 2] {
            session
                .observe(scenario, "errno", "open", value)
                .expect("room");
        }
        session.observe(scenario, "errno", "", -3).expect("room");
        let page = session.page();
        assert_eq!(page.observation_count.load(Relaxed), 2);
        assert_eq!(page.observations[0].value.load(Relaxed), 2);
        assert_eq!(page.observations[1].value.load(Relaxed), -3);
    }

    #[test]
    fn names_that_do_not_fit_are_rejected() {
        let session = session();
        let scenario = session.scenario("only").expect("room");
        let long = "x".repeat(NAME_BYTES + 1);
        assert!(session.scenario(&long).is_err());
        assert!(session.observe(scenario, &long, "", 1).is_err());
        assert!(session.observe(scenario, "ok", &long, 1).is_err());
        assert_eq!(session.page().observation_count.load(Relaxed), 0);
    }
}
