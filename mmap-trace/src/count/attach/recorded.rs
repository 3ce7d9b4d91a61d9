//! Tests of the choice of probes on other kernels, by facts that were recorded on them, and by such facts
//! with something removed.

use super::choose::{Forced, ProbeChoice, choose};
use crate::{count::kernel::facts::Facts, metrics::Metric};

/// Where the plan asks for something new, these facts do not have it yet.
const RECORD: &str = "if the plan has changed, write the facts anew: cargo xtask kernels --record";

/// Facts about Debian's kernels, recorded by `cargo xtask kernels --record`.
const KERNELS: &[(&str, &str)] = &[
    (
        "6.1",
        include_str!("../../../tests/fixtures/kernels/6.1.json"),
    ),
    (
        "6.1-generic",
        include_str!("../../../tests/fixtures/kernels/6.1-generic.json"),
    ),
    (
        "6.12",
        include_str!("../../../tests/fixtures/kernels/6.12.json"),
    ),
    (
        "6.18",
        include_str!("../../../tests/fixtures/kernels/6.18.json"),
    ),
    (
        "7.3",
        include_str!("../../../tests/fixtures/kernels/7.3.json"),
    ),
];

fn facts(kernel: &str) -> Facts {
    let (_, json) = KERNELS.iter().find(|(name, _)| *name == kernel).unwrap();
    serde_json::from_str(json).unwrap()
}

fn choice(facts: &Facts, metric: Metric) -> ProbeChoice {
    choose(facts, &Forced::new())
        .into_iter()
        .find(|choice| choice.plan.metric == metric)
        .unwrap()
}

fn probes(facts: &Facts, metric: Metric) -> Vec<&'static str> {
    let choice = choice(facts, metric);
    choice.candidates.iter().map(|probe| probe.name).collect()
}

/// Metrics without any probe, with the reason.
fn uncounted(facts: &Facts) -> Vec<(Metric, String)> {
    choose(facts, &Forced::new())
        .into_iter()
        .filter(|choice| choice.candidates.is_empty())
        .map(|choice| (choice.plan.metric, choice.rejected[0].1.clone()))
        .collect()
}

#[test]
fn every_kernel_counts_every_metric_for_which_it_has_a_tracepoint() {
    let around = |kernel: &str| match kernel {
        // mm_filemap_map_pages came with 6.9.
        "6.1" | "6.1-generic" => vec![(
            Metric::PagesMappedAround,
            "this kernel image has no tracepoint mm_filemap_map_pages".to_owned(),
        )],
        _ => vec![],
    };
    for (kernel, _) in KERNELS {
        assert_eq!(
            uncounted(&facts(kernel)),
            around(kernel),
            "{kernel}; {RECORD}"
        );
    }
}

#[test]
fn the_same_probe_comes_first_on_every_kernel() {
    for (kernel, _) in KERNELS {
        let facts = facts(kernel);
        for (metric, first) in [
            (Metric::Syscalls, "sys_exit"),
            (Metric::CopiedToUser, "sys_exit"),
            (Metric::CopiedFromUser, "sys_exit"),
            (Metric::Faults, "exceptions"),
            (Metric::PagesDirtied, "writeback_dirty_folio"),
            (Metric::BlockRead, "block_bio_queue"),
        ] {
            assert_eq!(probes(&facts, metric)[0], first, "{kernel}");
        }
    }
}

#[test]
fn ext4_tracepoints_come_before_the_probe_for_any_file_system() {
    for (kernel, _) in KERNELS {
        let expected = if kernel.ends_with("generic") {
            "ext4_writepages_result_module"
        } else {
            "ext4_writepages_result"
        };
        assert_eq!(
            probes(&facts(kernel), Metric::PagesWritten),
            [expected, "folio_start_writeback"],
            "{kernel}"
        );
    }
}

#[test]
fn a_kernel_with_ext4_as_a_module_rejects_the_typed_tracepoint() {
    let choice = choice(&facts("6.1-generic"), Metric::PagesWritten);
    assert_eq!(
        choice.rejected[0],
        (
            "ext4_writepages_result",
            "this kernel image has no tracepoint ext4_writepages_result".to_owned()
        )
    );
}

#[test]
fn without_exception_tracepoints_as_on_arm64_faults_are_counted_when_they_return() {
    let mut facts = facts("6.12");
    facts.tracepoints.remove("page_fault_user");
    facts.tracepoints.remove("page_fault_kernel");
    // Only attaching shows that the kernel refuses handle_mm_fault there; perf events come next.
    assert_eq!(
        probes(&facts, Metric::Faults),
        ["handle_mm_fault", "perf_events"]
    );
    facts.functions.clear();
    assert_eq!(probes(&facts, Metric::Faults), ["perf_events"]);
    assert!(probes(&facts, Metric::FaultsFailed).is_empty());
}

#[test]
fn a_kernel_without_modules_or_functions_as_under_wsl2_needs_neither() {
    let mut facts = facts("6.12");
    facts.functions.clear();
    facts.modules.clear();
    assert_eq!(uncounted(&facts).len(), 1, "{RECORD}");
    assert_eq!(uncounted(&facts)[0].0, Metric::FaultsWaited);
}

#[test]
fn an_overlay_as_in_a_container_keeps_what_does_not_ask_for_the_disk() {
    let mut facts = facts("6.12");
    facts.disk.file_system = "overlay".to_owned();
    facts.disk.device = None;
    let lost: Vec<Metric> = uncounted(&facts)
        .into_iter()
        .map(|(metric, _)| metric)
        .collect();
    assert_eq!(
        lost,
        [
            Metric::PagesCleanedUnwritten,
            Metric::BlockRead,
            Metric::BlockWritten,
            Metric::BlockOther
        ]
    );
    assert_eq!(
        probes(&facts, Metric::PagesWritten),
        ["folio_start_writeback"]
    );
}

#[test]
fn without_type_information_nothing_is_chosen() {
    let mut facts = facts("6.12");
    facts.tracepoints.clear();
    facts.functions.clear();
    facts.offsets.clear();
    // Nobody asked for samples.
    let asked = Metric::ALL
        .iter()
        .filter(|metric| **metric != Metric::CpuSamples);
    assert_eq!(uncounted(&facts).len(), asked.count());
}
