//! What the doctor found, as text to read and to paste.

use super::{
    Style,
    sheet::{Sheet, Tone},
};
use crate::{
    doctor::{Counted, Counting, Finding, Level, Report, Sum, Trial},
    signals::{Grade, Signal},
};

/// Where names begin, and where what is said of them does.
const NAME: usize = 9;
const TEXT: usize = 35;

/// What is left where nothing can be attached.
const WITHOUT: &[&str] = &[
    "cargo xtask run lesson-3 --kernel 6.12",
    "cargo xtask run lesson-3 --unprivileged",
];

/// Draws it. What is as it should be takes one line.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    for section in &report.sections {
        sheet.blank();
        sheet.line(Tone::Strong, section.subject);
        for finding in &section.findings {
            write_finding(&mut sheet, finding);
        }
    }
    write_signals(&mut sheet, &report.counting);
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

fn write_signals(sheet: &mut Sheet, counting: &Counting) {
    sheet.blank();
    sheet.line(Tone::Strong, "Signals");
    match &counting.trial {
        Trial::Attached => {
            for signal in &counting.signals {
                write_signal(sheet, signal);
            }
        }
        Trial::Refused(reason) => write_untried(sheet, reason, &counting.signals),
    }
}

fn write_signal(sheet: &mut Sheet, signal: &Counted) {
    let now = signal.way.map_or("n/a".to_owned(), |way| {
        let grade = signal.grade.map_or("counted somehow", Grade::name);
        let verified = if signal.is_verified {
            ", verified here"
        } else {
            ""
        };
        format!("{grade} by {way}{verified}")
    });
    row(sheet, signal.level, label(signal), &now);
    for refused in &signal.refused {
        let text = format!("{}: {}", refused.way, refused.reason);
        sheet.marked(Tone::Faint, "         not:", NAME + 5, &text);
    }
    if let Some(command) = &signal.mend {
        write_command(sheet, command);
    }
}

/// What the kernel's facts leave is told all the same: a report is read on another machine.
fn write_untried(sheet: &mut Sheet, reason: &str, signals: &[Counted]) {
    row(sheet, Level::Problem, "nothing was attached", reason);
    for command in WITHOUT {
        write_command(sheet, command);
    }
    for (level, heading, has_way) in [
        (Level::Note, "would be tried", true),
        (Level::Note, "has no way", false),
    ] {
        let names: Vec<String> = signals
            .iter()
            .filter(|signal| signal.way.is_some() == has_way)
            .map(|signal| match signal.way {
                Some(way) => format!("{} by {way}", label(signal)),
                None => label(signal).to_owned(),
            })
            .collect();
        if !names.is_empty() {
            row(sheet, level, heading, &names.join(", "));
        }
    }
}

fn label(signal: &Counted) -> &'static str {
    Signal::by_key(signal.signal).map_or(signal.signal, Signal::label)
}

/// Not wrapped: a command is copied whole.
fn write_command(sheet: &mut Sheet, command: &str) {
    sheet.line(Tone::Plain, &format!("{}run: {command}", " ".repeat(NAME)));
}

fn sum(sum: Sum) -> &'static str {
    match sum {
        Sum::Everything => "Everything can be counted here.",
        Sum::Some => {
            "Everything can be counted here but what says n/a; claims that need it will be unobservable."
        }
        Sum::Nothing => "Nothing can be counted in the kernel from here.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{Refused, Section};

    fn report() -> Report {
        Report {
            format_version: 1,
            tool_version: "0.1.0",
            sum: Sum::Some,
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
            counting: Counting {
                trial: Trial::Attached,
                signals: vec![Counted {
                    signal: "faults_waited",
                    level: Level::Warning,
                    way: None,
                    grade: None,
                    is_verified: false,
                    refused: vec![Refused {
                        way: "fexit",
                        reason: "refused".to_owned(),
                    }],
                    mend: Some("another kernel".to_owned()),
                }],
                facts: None,
            },
        }
    }

    #[test]
    fn what_is_wrong_ends_with_the_command_that_mends_it() {
        let text = render(&report(), Style::Plain);
        let wanted = "\
Kernel
ok       kernel                    6.12
problem  lockdown                  confidentiality
         why: it refuses
         run: mend it

Signals
warning  faults that waited        n/a
         not: fexit: refused
         run: another kernel

";
        assert!(text.starts_with(wanted), "{text}");
    }

    #[test]
    fn where_nothing_could_be_attached_the_next_rungs_and_the_ways_that_are_left_stand() {
        let mut report = report();
        report.counting.trial = Trial::Refused("EPERM".to_owned());
        report.counting.signals[0].way = Some("fexit");
        let text = render(&report, Style::Plain);
        let wanted = "\
Signals
problem  nothing was attached      EPERM
         run: cargo xtask run lesson-3 --kernel 6.12
         run: cargo xtask run lesson-3 --unprivileged
note     would be tried            faults that waited by fexit
";
        assert!(text.contains(wanted), "{text}");
    }
}
