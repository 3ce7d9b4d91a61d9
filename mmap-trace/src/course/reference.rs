//! The reference of the course language: the part of `lessons/WRITING.md` that comes from the code.

use std::fmt::Write as _;

use mmap_trace_ebpf::session::Role;

use super::{
    expression::{
        measure::Measure,
        names::{BUILT_IN_OBSERVATIONS, FIXED},
    },
    fields::{FIELDS, Need},
};
use crate::metrics::Metric;

/// All of it, as Markdown.
#[must_use]
pub fn markdown() -> String {
    [fields(), names(), metrics()].join("\n")
}

fn fields() -> String {
    let mut text = String::from("### Fields of lesson.toml\n");
    let mut table = "";
    for field in FIELDS {
        if field.table != table {
            table = field.table;
            let _ = writeln!(
                text,
                "\n#### `{table}`\n\n| field | | example | meaning |\n|---|---|---|---|"
            );
        }
        let need = match field.need {
            Need::Required => "required",
            Need::Optional => "",
        };
        let _ = writeln!(
            text,
            "| `{}` | {need} | `{}` | {} |",
            field.key, field.example, field.about
        );
    }
    text
}

fn names() -> String {
    let mut text = String::from("### Names\n\n| name | unit | meaning |\n|---|---|---|\n");
    for known in FIXED {
        row(&mut text, known.name, known.unit, known.about);
    }
    for (name, about) in BUILT_IN_OBSERVATIONS {
        row(
            &mut text,
            &format!("observed.{name}"),
            Measure::told_by(name),
            about,
        );
    }
    let units = Measure::NAMED
        .map(|(name, _)| format!("`{name}`"))
        .join(", ");
    let roles = Role::ALL
        .map(|role| format!("`{}`", role.name()))
        .join(", ");
    let _ = writeln!(
        text,
        "\nUnits of observations are {units}.\nRoles are {roles}."
    );
    text
}

fn metrics() -> String {
    let mut text = String::from(
        "### Metrics and their parts\n\nParts add up to their metric, as far as a probe tells them apart; \
         divisions are other ways to look at it.\n\n| name | unit | meaning |\n|---|---|---|\n",
    );
    for metric in Metric::ALL {
        let unit = metric.unit().into();
        row(&mut text, metric.key(), unit, metric.about());
        let parts = metric.parts().iter().map(|part| ("Part", part));
        let divisions = metric.divisions().iter().map(|part| ("Division", part));
        for (kind, part) in parts.chain(divisions) {
            let about = metric.about_part(part).unwrap_or_default();
            let name = format!("{}.{part}", metric.key());
            row(&mut text, &name, unit, &format!("{kind}: {about}"));
        }
    }
    text
}

fn row(text: &mut String, name: &str, unit: Measure, about: &str) {
    let _ = writeln!(text, "| `{name}` | {} | {about} |", unit.name());
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "../lessons/WRITING.md";
    const BEGIN: &str =
        "<!-- From here on, written by UPDATE=1 cargo test -p mmap-trace reference -->\n";

    fn page() -> String {
        std::fs::read_to_string(PAGE).unwrap()
    }

    #[test]
    fn the_reference_in_writing_md_is_that_of_the_code() {
        let page = page();
        let (written, _) = page.split_once(BEGIN).unwrap();
        crate::golden::assert(PAGE, &format!("{written}{BEGIN}\n{}", markdown()));
    }

    #[test]
    fn the_examples_in_writing_md_are_the_files_of_the_minimal_lesson() {
        let page = page();
        for (language, path) in [("toml", "lesson.toml"), ("rust", "main.rs")] {
            let path = format!("../lessons/tests/fixtures/minimal/{path}");
            let file = std::fs::read_to_string(&path).unwrap();
            let block = format!("```{language}\n{file}```\n");
            assert!(
                page.contains(&block),
                "{PAGE} does not show {path} as it is"
            );
        }
    }

    #[test]
    fn every_part_of_a_metric_is_explained() {
        for metric in Metric::ALL {
            for part in [metric.parts(), metric.divisions()].concat() {
                assert!(metric.about_part(part).is_some(), "{} {part}", metric.key());
            }
        }
    }
}
