//! Draws the result of `mmap-trace doctor`.

use super::{
    Style,
    sheet::{Sheet, Tone},
};
use crate::{
    diagnosis::{
        CountingDiagnosis, CountingSum, Diagnosis, Finding, Level, MetricDiagnosis, Trial,
    },
    metrics::{Grade, Metric},
};

/// Columns in which names and findings begin.
const NAME: usize = 9;
const TEXT: usize = 35;

/// What can still be run where nothing can be attached.
const FALLBACKS: &[&str] = &[
    "cargo xtask run lesson-3 --kernel 6.12",
    "cargo xtask run lesson-3 --unprivileged",
];

/// Draws a diagnosis. A finding that is ok takes one line.
#[must_use]
pub fn render(report: &Diagnosis, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    for section in &report.sections {
        sheet.blank();
        sheet.line(Tone::Strong, section.subject);
        for finding in &section.findings {
            write_finding(&mut sheet, finding);
        }
    }
    write_metrics(&mut sheet, &report.counting);
    sheet.blank();
    sheet.paragraph(Tone::Strong, 0, sum(report.sum));
    sheet.into_text()
}

fn write_finding(sheet: &mut Sheet, finding: &Finding) {
    row(sheet, finding.level, finding.what, &finding.now);
    if finding.level == Level::Ok {
        return;
    }
    sheet.marked(Tone::Faint, "         why:", NAME + 5, finding.why);
    if let Some(command) = &finding.mend {
        write_command(sheet, command);
    }
}

fn row(sheet: &mut Sheet, level: Level, what: &str, now: &str) {
    let mark = format!("{:<NAME$}{what}", level.name());
    sheet.marked(tone(level), &mark, TEXT, now);
}

fn tone(level: Level) -> Tone {
    match level {
        Level::Ok => Tone::Plain,
        Level::Note => Tone::Faint,
        Level::Warning => Tone::Doubtful,
        Level::Problem => Tone::Bad,
    }
}

fn write_metrics(sheet: &mut Sheet, counting: &CountingDiagnosis) {
    sheet.blank();
    sheet.line(Tone::Strong, "Metrics");
    match &counting.trial {
        Trial::Attached => {
            for metric in &counting.metrics {
                write_metric(sheet, metric);
            }
        }
        Trial::Refused(reason) => write_not_attached(sheet, reason, &counting.metrics),
    }
}

fn write_metric(sheet: &mut Sheet, metric: &MetricDiagnosis) {
    let now = metric.probe.map_or("n/a".to_owned(), |probe| {
        let grade = metric.grade.map_or("of unknown grade", Grade::name);
        let calibrated = if metric.is_calibrated {
            ", calibrated here"
        } else {
            ""
        };
        format!("{grade} by {probe}{calibrated}")
    });
    row(sheet, metric.level, label(metric), &now);
    for rejected in &metric.rejected {
        let text = format!("{}: {}", rejected.probe, rejected.reason);
        sheet.marked(Tone::Faint, "         not:", NAME + 5, &text);
    }
    if let Some(command) = &metric.mend {
        write_command(sheet, command);
    }
}

/// Also lists the probes that the kernel's facts allow, because a bug report is read on another machine.
fn write_not_attached(sheet: &mut Sheet, reason: &str, metrics: &[MetricDiagnosis]) {
    row(sheet, Level::Problem, "nothing was attached", reason);
    for command in FALLBACKS {
        write_command(sheet, command);
    }
    for (level, heading, has_probe) in [
        (Level::Note, "would be tried", true),
        (Level::Note, "cannot be counted", false),
    ] {
        let names: Vec<String> = metrics
            .iter()
            .filter(|metric| metric.probe.is_some() == has_probe)
            .map(|metric| match metric.probe {
                Some(probe) => format!("{} by {probe}", label(metric)),
                None => label(metric).to_owned(),
            })
            .collect();
        if !names.is_empty() {
            row(sheet, level, heading, &names.join(", "));
        }
    }
}

fn label(metric: &MetricDiagnosis) -> &'static str {
    Metric::by_key(metric.metric).map_or(metric.metric, Metric::label)
}

/// Does not wrap the command, so that it can be copied.
fn write_command(sheet: &mut Sheet, command: &str) {
    sheet.line(Tone::Plain, &format!("{}run: {command}", " ".repeat(NAME)));
}

fn sum(sum: CountingSum) -> &'static str {
    match sum {
        CountingSum::Everything => "Everything can be counted here.",
        CountingSum::Some => {
            "Everything except the metrics marked n/a can be counted here; claims that need those are unobservable: this machine cannot decide them."
        }
        CountingSum::Nothing => "Nothing can be counted in the kernel here.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{FORMAT_VERSION, RejectedProbe, Section};

    fn report() -> Diagnosis {
        Diagnosis {
            format_version: FORMAT_VERSION,
            tool_version: "0.1.0",
            sum: CountingSum::Some,
            sections: vec![Section {
                subject: "Kernel",
                findings: vec![
                    Finding {
                        what: "kernel",
                        level: Level::Ok,
                        now: "6.12".to_owned(),
                        why: "never shown",
                        mend: None,
                    },
                    Finding {
                        what: "lockdown",
                        level: Level::Problem,
                        now: "confidentiality".to_owned(),
                        why: "it refuses",
                        mend: Some("mend it".to_owned()),
                    },
                ],
            }],
            counting: CountingDiagnosis {
                trial: Trial::Attached,
                metrics: vec![MetricDiagnosis {
                    metric: "faults_waited",
                    level: Level::Warning,
                    probe: None,
                    grade: None,
                    is_calibrated: false,
                    rejected: vec![RejectedProbe {
                        probe: "fexit",
                        reason: "refused".to_owned(),
                    }],
                    mend: Some("another kernel".to_owned()),
                }],
                facts: None,
            },
        }
    }

    #[test]
    fn a_problem_ends_with_the_command_that_mends_it() {
        let text = render(&report(), Style::Plain);
        let wanted = "\
Kernel
ok       kernel                    6.12
problem  lockdown                  confidentiality
         why: it refuses
         run: mend it

Metrics
warning  faults that waited        n/a
         not: fexit: refused
         run: another kernel

";
        assert!(text.starts_with(wanted), "{text}");
    }

    #[test]
    fn if_nothing_can_be_attached_fallbacks_and_possible_probes_are_listed() {
        let mut report = report();
        report.counting.trial = Trial::Refused("EPERM".to_owned());
        report.counting.metrics[0].probe = Some("fexit");
        let text = render(&report, Style::Plain);
        let wanted = "\
Metrics
problem  nothing was attached      EPERM
         run: cargo xtask run lesson-3 --kernel 6.12
         run: cargo xtask run lesson-3 --unprivileged
note     would be tried            faults that waited by fexit
";
        assert!(text.contains(wanted), "{text}");
    }
}
