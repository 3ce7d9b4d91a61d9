//! Where program, heap, mapping and stack lie in the two address space layouts of Linux.
//!
//! The kernel chooses the layout of a process at exec, by its personality (`arch_pick_mmap_layout`). So the
//! lesson starts itself again with a hidden argument; that program prints four addresses into a pipe and
//! exits.

use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use lessons::address_space::{Area, area_at, areas};
use lessons::mapping::{Filling, Reserved, Sharing};
use lessons::{Scenario, page_bytes};
use nix::sys::personality::{self, Persona};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

use crate::Data;

/// The hidden argument, with which the program reports addresses instead of running the lesson.
const ARGUMENT: &str = "--report-addresses";

/// Observations, in the order in which the program reports them.
const PLACES: [&str; 4] = [
    "program_address",
    "heap_address",
    "mapping_address",
    "stack_address",
];

/// The layout that a program has unless somebody asks for the other one.
pub(crate) fn default_layout(scenario: &mut Scenario, _: &Data) -> Result<()> {
    scenario.observe("moved_by_setting", i64::from(moved_by_setting()?));
    let own = personality::get().context("personality")?;
    observe_addresses(scenario, own.difference(Persona::ADDR_COMPAT_LAYOUT))
}

/// Whether one of two settings gives every program the legacy layout, so that the default cannot be
/// observed (`mmap_is_legacy` in mm/util.c and arch/x86/mm/mmap.c).
///
/// One is a sysctl. The other is a stack limit of infinity, which leaves the whole space under the stack to
/// the stack.
fn moved_by_setting() -> Result<bool> {
    let path = "/proc/sys/vm/legacy_va_layout";
    let setting = fs::read_to_string(path).with_context(|| format!("read {path}"))?;
    let (stack_limit_bytes, _) = getrlimit(Resource::RLIMIT_STACK).context("getrlimit")?;
    Ok(setting.trim() != "0" || stack_limit_bytes == RLIM_INFINITY)
}

/// The layout from the time when address spaces were small: mappings begin at a fixed fraction of the
/// address space and grow upwards.
pub(crate) fn legacy_layout(scenario: &mut Scenario, _: &Data) -> Result<()> {
    let own = personality::get().context("personality")?;
    observe_addresses(scenario, own | Persona::ADDR_COMPAT_LAYOUT)
}

/// Starts the program during preparation, because that takes more calls and faults than anything counted
/// here.
///
/// A personality is inherited, and takes effect on the address space at exec. Some containers do not allow
/// changing it.
fn observe_addresses(scenario: &mut Scenario, layout: Persona) -> Result<()> {
    let own = personality::get().context("personality")?;
    let error = personality::set(layout).err();
    scenario.observe("personality_errno", error.map_or(0, |errno| errno as i64));
    let addresses = error.is_none().then(addresses_of_a_new_program);
    personality::set(own).context("personality")?;
    scenario.run(|_| ());
    for (name, address) in PLACES
        .iter()
        .zip(addresses.transpose()?.into_iter().flatten())
    {
        scenario.observe(name, address);
    }
    Ok(())
}

fn addresses_of_a_new_program() -> Result<Vec<i64>> {
    let program = Command::new("/proc/self/exe")
        .arg(ARGUMENT)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("start /proc/self/exe")?;
    ensure!(
        program.status.success(),
        "/proc/self/exe {ARGUMENT} failed: {}",
        program.status
    );
    parse(&String::from_utf8_lossy(&program.stdout))
}

/// Reports the addresses if the program was started with the hidden argument.
pub(crate) fn report_if_asked() -> Option<ExitCode> {
    let asked = std::env::args_os().nth(1)? == ARGUMENT;
    asked.then(|| match report() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If stderr is closed, the exit code still tells the lesson.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    })
}

fn report() -> Result<()> {
    let own = File::open("/proc/self/exe").context("open /proc/self/exe")?;
    let mapping = Reserved::new(page_bytes())?.map(&own, Sharing::Shared, Filling::OnDemand)?;
    let program = area_at(report as fn() -> Result<()> as usize as u64)?;
    let all = areas()?;
    let addresses = [
        program.start,
        named(&all, "[heap]")?.start,
        mapping.as_ptr().addr() as u64,
        named(&all, "[stack]")?.start,
    ];
    let line = addresses.map(|address| address.to_string()).join(" ");
    writeln!(std::io::stdout(), "{line}").context("write to stdout")
}

fn named<'areas>(areas: &'areas [Area], name: &str) -> Result<&'areas Area> {
    areas
        .iter()
        .find(|area| area.name == name)
        .with_context(|| format!("no {name} in /proc/self/smaps"))
}

fn parse(report: &str) -> Result<Vec<i64>> {
    let addresses: Vec<i64> = report
        .split_whitespace()
        .map(|word| {
            word.parse()
                .with_context(|| format!("{word:?} is not an address"))
        })
        .collect::<Result<_>>()?;
    ensure!(
        addresses.len() == PLACES.len(),
        "expected {} addresses, got {report:?}",
        PLACES.len()
    );
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_one_address_for_each_place() {
        assert_eq!(
            parse("1 2 3 140737488347136\n").unwrap(),
            [1, 2, 3, 140_737_488_347_136]
        );
        assert!(parse("").is_err());
        assert!(parse("1 2 3").is_err());
        assert!(parse("1 2 3 0x7f").is_err());
    }
}
