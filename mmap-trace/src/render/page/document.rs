//! The page of one run.

use askama::Template;

use super::{
    claim::{ClaimView, VerdictMark},
    counts::{self, Figure, Source},
    measured::{self, MetricView},
    prose::{Blocks, Inlines, Quotes},
    signs,
    summary::{self, AnswerView, ClaimSums, plural},
    terms,
    words::words,
};
use crate::{
    metrics::Metric,
    record::{Recording, ScenarioRecord},
    render::rows::{self, Column, Parts},
    weave::{Beside, Inline, WovenLesson, WovenSection},
};

/// Columns of a table of everything.
const COLUMNS: usize = 4;

#[derive(Template)]
#[template(path = "lesson.html")]
pub(super) struct Document<'a> {
    title: String,
    /// The name of the lesson and its question.
    lead: Vec<String>,
    facts: Vec<String>,
    warnings: Vec<String>,
    quotes: Quotes,
    sums: ClaimSums,
    sections: Vec<SectionView<'a>>,
    rest: BesideView,
    /// Whether all counts are all that there is.
    is_only_counts: bool,
    all_counts: Vec<Figure>,
    scenarios: usize,
    metrics: Vec<MetricView>,
    steps: Vec<(String, String)>,
    machine: Vec<(&'static str, String)>,
}

struct SectionView<'a> {
    anchor: String,
    name: String,
    level: usize,
    heading: &'a [Inline],
    section: &'a WovenSection<'a>,
    beside: BesideView,
}

/// Sections that share the numbers beside them: those of the first one.
struct Together<'v, 'a> {
    sections: &'v [SectionView<'a>],
}

impl Together<'_, '_> {
    fn figures(&self) -> &[Figure] {
        self.sections.first().map_or(&[], |it| &it.beside.figures)
    }
}

#[derive(Default)]
struct BesideView {
    figures: Vec<Figure>,
    /// Places of claims and predictions in [`Quotes`].
    claims: Vec<usize>,
    predictions: Vec<usize>,
}

impl<'a> Document<'a> {
    pub(super) fn of(woven: &'a WovenLesson<'a>) -> Document<'a> {
        let recording = woven.recording;
        let source = Source {
            recording,
            file: woven.file,
        };
        let claims = woven.claims.iter().enumerate();
        let claims: Vec<ClaimView> = claims.map(|(place, it)| ClaimView::of(place, it)).collect();
        let mut figures = 0;
        let mut level = 1;
        let (top, others): (Vec<_>, Vec<_>) = woven.sections.iter().partition(|it| it.level == 1);
        let sections = top.iter().filter(|it| !it.blocks.is_empty()).chain(&others);
        let sections = sections.enumerate().map(|(number, section)| {
            // A page whose headings leave out a level confuses screen readers.
            level = section.level.clamp(2, level + 1);
            SectionView {
                anchor: format!("section-{}", number + 1),
                name: section.name.clone(),
                level,
                heading: &section.heading,
                section,
                beside: beside(&section.beside, source, &mut figures),
            }
        });
        let sections: Vec<SectionView<'_>> = sections.collect();
        let answers = woven.predictions.iter().enumerate();
        let answers = answers.map(|(place, answer)| {
            let section = sections.iter().find(|it| it.name == answer.section);
            AnswerView::of(place, answer, section.map(|it| it.anchor.clone()))
        });
        let answers = answers.collect();
        Document {
            title: title(woven),
            lead: lead(woven),
            facts: summary::facts(recording),
            warnings: summary::warnings(woven),
            sums: ClaimSums::of(&claims),
            quotes: Quotes { claims, answers },
            rest: beside(&woven.rest, source, &mut figures),
            is_only_counts: sections.is_empty(),
            sections,
            all_counts: all_counts(recording, &mut figures),
            scenarios: recording.scenarios.len(),
            metrics: measured::metrics(recording),
            steps: measured::steps(recording),
            machine: measured::machine(recording),
        }
    }

    fn blocks(&'a self, section: &SectionView<'a>) -> Blocks<'a> {
        Blocks {
            blocks: &section.section.blocks,
            quotes: &self.quotes,
        }
    }

    fn heading(&'a self, section: &SectionView<'a>) -> Inlines<'a> {
        Inlines {
            inlines: section.heading,
            quotes: &self.quotes,
        }
    }

    /// Numbers stay beside the text until there are others, or another part of the text begins.
    fn rows(&self) -> Vec<Together<'_, 'a>> {
        let rows = self.sections.chunk_by(|_, next| {
            // A heading that stands directly above another one begins no part of its own.
            let begins_part = next.level == 2 && !next.section.blocks.is_empty();
            next.beside.figures.is_empty() && !begins_part
        });
        rows.map(|sections| Together { sections }).collect()
    }

    /// Claims of one kind, for the summary.
    fn claims_that(&self, kind: VerdictMark) -> impl Iterator<Item = &ClaimView> {
        self.quotes
            .claims
            .iter()
            .filter(move |claim| claim.is(kind))
    }

    fn fails(&self) -> Vec<&ClaimView> {
        self.claims_that(VerdictMark::Fails).collect()
    }

    fn unobservable(&self) -> Vec<&ClaimView> {
        self.claims_that(VerdictMark::Unobservable).collect()
    }

    fn wrong(&self) -> Vec<&AnswerView> {
        self.quotes
            .answers
            .iter()
            .filter(|it| it.is_wrong())
            .collect()
    }

    fn figures(&self) -> impl Iterator<Item = &Figure> {
        let beside = self.sections.iter().map(|it| &it.beside);
        beside.chain([&self.rest]).flat_map(|it| &it.figures)
    }
}

fn title(woven: &WovenLesson<'_>) -> String {
    let recording = woven.recording;
    match (woven.file, &recording.command, &recording.lesson) {
        (Some(file), _, _) => file.lesson.title.clone(),
        (None, Some(command), _) => {
            let words = command.iter().map(|word| crate::text::quote::quoted(word));
            words.collect::<Vec<_>>().join(" ")
        }
        (None, None, Some(lesson)) => lesson.clone(),
        (None, None, None) => "A run without a name".to_owned(),
    }
}

fn lead(woven: &WovenLesson<'_>) -> Vec<String> {
    let Some(file) = woven.file else {
        return Vec::new();
    };
    let number = file.lesson.id.replace("lesson-", "Lesson ");
    vec![number, file.lesson.question.clone()]
}

fn beside(beside: &Beside<'_>, source: Source<'_>, figures: &mut usize) -> BesideView {
    let mut anchor = || {
        *figures += 1;
        format!("numbers-{figures}")
    };
    let tables = beside
        .tables
        .iter()
        .filter_map(|it| source.table(it, anchor()));
    let mut drawn: Vec<Figure> = tables.collect();
    drawn.extend(
        beside
            .charts
            .iter()
            .filter_map(|it| source.chart(it, anchor())),
    );
    BesideView {
        figures: drawn,
        claims: beside.claims.clone(),
        predictions: beside.predictions.clone(),
    }
}

/// Everything that was counted and observed.
fn all_counts(recording: &Recording, figures: &mut usize) -> Vec<Figure> {
    let mut anchor = || {
        *figures += 1;
        format!("numbers-{figures}")
    };
    let mut all = Vec::new();
    for scenarios in recording.scenarios.chunks(COLUMNS) {
        let columns: Vec<Column<'_>> = scenarios.iter().map(Column::of_scenario).collect();
        let is_recorded = |metric: &&Metric| {
            let mut scenarios = scenarios.iter();
            scenarios.any(|it| it.counts.contains_key(metric.key()))
        };
        let counts = Metric::ALL.iter().filter(is_recorded);
        let counts = counts.flat_map(|&metric| rows::metric(metric, &columns, Parts::All));
        let groups = [
            counts::work(&columns),
            counts.collect(),
            rows::observations(&[], &columns),
        ];
        let names: Vec<&str> = scenarios.iter().map(|it| it.name.as_str()).collect();
        let title = if recording.command.is_some() {
            "What the command and its children did".to_owned()
        } else {
            names.join(", ")
        };
        let mut figure = Figure::new(&title, anchor(), &names, &groups);
        figure.signs = signs::explain(&scenarios.iter().collect::<Vec<_>>(), &groups);
        if recording.command.is_some() {
            figure.rows = terms::of_metrics(recording);
        }
        all.push(figure);
        all.extend(scenarios.iter().filter_map(|it| roles(it, &mut anchor)));
    }
    all
}

fn roles(scenario: &ScenarioRecord, mut anchor: impl FnMut() -> String) -> Option<Figure> {
    let roles = scenario.roles.iter();
    let columns: Vec<Column<'_>> = roles
        .map(|(role, counts)| Column {
            heading: role,
            counts,
            scenario: None,
        })
        .collect();
    let title = format!("{}, by role", scenario.name);
    let groups = [rows::rest(&[], &columns)];
    let headings: Vec<&str> = columns.iter().map(|it| it.heading).collect();
    (!columns.is_empty()).then(|| Figure::new(&title, anchor(), &headings, &groups))
}
