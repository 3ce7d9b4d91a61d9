//! Weaves the text of a lesson with one run: each section with the tables, charts, claims and predictions
//! that it talks about.
//!
//! The model is for any renderer: it knows neither HTML nor terminals. Claims and predictions are judged
//! again from the counts, so that nothing is shown which only a file says.

mod elements;
mod markdown;
mod marks;
mod text;

use crate::{
    course::{
        answers::Given,
        judge::{claims, predictions},
        lesson::{
            chart::Chart,
            file::{LessonFile, Table},
        },
    },
    record::{ClaimRecord, PredictionRecord, Recording},
};
pub use text::{Inline, Item, TableRow, TextBlock};
use text::{Passage, Quoted};

/// A lesson's promises and its text, in Markdown.
#[derive(Clone, Copy, Debug)]
pub struct LessonText<'a> {
    /// Its `lesson.toml`.
    pub file: &'a LessonFile,
    /// Its `README.md`.
    pub markdown: &'a str,
}

/// Who found the verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// They were found now, from the counts of the Recording.
    FromCounts,
    /// The Recording has them; its lesson is not known here.
    Stored,
}

/// A lesson's text with the results of one run.
#[derive(Debug)]
pub struct WovenLesson<'a> {
    /// The lesson; `None` for a command, and for a lesson that this program does not know.
    pub file: Option<&'a LessonFile>,
    /// The run.
    pub recording: &'a Recording,
    /// Who judged the claims.
    pub judged: Judged,
    /// Every claim, in the order of the lesson's file.
    pub claims: Vec<ClaimRecord>,
    /// Every prediction, in the order of the lesson's file.
    pub predictions: Vec<PredictionRecord>,
    /// The sections of the text, in its order; none without a lesson.
    pub sections: Vec<WovenSection<'a>>,
    /// What belongs to no section of the text.
    pub rest: Beside<'a>,
}

/// One section of the text, up to the next heading of any level.
#[derive(Debug)]
pub struct WovenSection<'a> {
    /// Its heading; empty for what stands above the first heading.
    pub heading: Vec<Inline>,
    /// The heading as plain text, by which `lesson.toml` names it.
    pub name: String,
    /// Level of the heading, from 1.
    pub level: usize,
    /// Its text.
    pub blocks: Vec<TextBlock>,
    /// What stands beside the text.
    pub beside: Beside<'a>,
}

/// What is shown beside a text, in the order of the lesson's file.
#[derive(Debug, Default)]
pub struct Beside<'a> {
    /// Tables of counts.
    pub tables: Vec<&'a Table>,
    /// Charts.
    pub charts: Vec<&'a Chart>,
    /// Claims whose sentence is not in the text: places in [`WovenLesson::claims`].
    pub claims: Vec<usize>,
    /// Predictions whose question is not in the text: places in [`WovenLesson::predictions`].
    pub predictions: Vec<usize>,
}

/// Weaves a run with its lesson, if that is known.
#[must_use]
pub fn weave<'a>(lesson: Option<LessonText<'a>>, recording: &'a Recording) -> WovenLesson<'a> {
    let Some(LessonText { file, markdown }) = lesson else {
        return WovenLesson {
            file: None,
            recording,
            judged: Judged::Stored,
            sections: Vec::new(),
            rest: Beside {
                claims: (0..recording.claims.len()).collect(),
                predictions: (0..recording.predictions.len()).collect(),
                ..Beside::default()
            },
            claims: recording.claims.clone(),
            predictions: recording.predictions.clone(),
        };
    };
    let claims = claims::judge(file, recording);
    let predictions = predictions_again(file, recording);
    let quotes = quotes(&claims, &predictions);
    let passages = markdown::read(markdown, &quotes);
    let placed = passages.iter().flat_map(|it| text::quoted(&it.blocks));
    let placed: Vec<Quoted> = placed.collect();
    let mut woven = WovenLesson {
        file: Some(file),
        recording,
        judged: Judged::FromCounts,
        sections: passages.into_iter().map(WovenSection::from).collect(),
        rest: Beside::default(),
        claims,
        predictions,
    };
    for table in &file.tables {
        woven.beside(&table.section).tables.push(table);
    }
    for chart in &file.charts {
        woven.beside(&chart.section).charts.push(chart);
    }
    for place in 0..woven.claims.len() {
        if !placed.contains(&Quoted::Claim(place)) {
            let section = woven.claims[place].section.clone();
            woven.beside(&section).claims.push(place);
        }
    }
    for place in 0..woven.predictions.len() {
        if !placed.contains(&Quoted::Question(place)) {
            let section = woven.predictions[place].section.clone();
            woven.beside(&section).predictions.push(place);
        }
    }
    woven
}

impl<'a> WovenLesson<'a> {
    /// What stands beside the section of this name, or beside none if there is no such section.
    fn beside(&mut self, section: &str) -> &mut Beside<'a> {
        let found = self.sections.iter_mut().find(|it| it.name == section);
        found.map_or(&mut self.rest, |section| &mut section.beside)
    }
}

impl From<Passage> for WovenSection<'_> {
    fn from(passage: Passage) -> Self {
        WovenSection {
            name: text::plain(&passage.heading),
            heading: passage.heading,
            level: passage.level,
            blocks: passage.blocks,
            beside: Beside::default(),
        }
    }
}

/// A sentence that stands in the text.
struct Quote<'a> {
    what: Quoted,
    /// Heading of the section to look in; `None` means anywhere.
    section: Option<&'a str>,
    sentence: &'a str,
}

fn quotes<'a>(claims: &'a [ClaimRecord], predictions: &'a [PredictionRecord]) -> Vec<Quote<'a>> {
    let claims = claims.iter().enumerate().map(|(place, claim)| Quote {
        what: Quoted::Claim(place),
        section: Some(&claim.section),
        sentence: &claim.text,
    });
    // A prediction names the section that explains it; the question stands where the lesson asks it.
    let asked = predictions.iter().enumerate().map(|(place, asked)| Quote {
        what: Quoted::Question(place),
        section: None,
        sentence: &asked.question,
    });
    claims.chain(asked).collect()
}

/// The predictions, evaluated again where the answer can be read back.
fn predictions_again(file: &LessonFile, recording: &Recording) -> Vec<PredictionRecord> {
    let again = |stored: &PredictionRecord| {
        let asked = file.predictions.iter().find(|it| it.id == stored.id)?;
        let first = stored.predicted.split([')', ' ']).next()?;
        let given = Given {
            id: stored.id.clone(),
            answer: asked.read(first).ok()?,
            at: stored.predicted_at.clone(),
        };
        predictions::evaluate(&file.predictions, &[given], recording).pop()
    };
    let stored = recording.predictions.iter();
    stored
        .map(|stored| again(stored).unwrap_or_else(|| unread(stored)))
        .collect()
}

/// A prediction whose answer this program cannot read.
fn unread(stored: &PredictionRecord) -> PredictionRecord {
    PredictionRecord {
        result: crate::record::PredictionResult::Unobservable,
        answer: None,
        sentence: None,
        reason: Some("this lesson has no such question or answer any more".to_owned()),
        ..stored.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        course::{
            catalog,
            samples::{self, LESSON, PREDICTIONS, TEXT},
        },
        record::{
            PredictionResult::{self, Right, Unobservable, Wrong},
            Verdict,
        },
    };

    fn file() -> LessonFile {
        LessonFile::parse(&format!("{LESSON}{PREDICTIONS}")).unwrap()
    }

    fn predicted(id: &str, question: &str, predicted: &str) -> PredictionRecord {
        PredictionRecord {
            id: id.to_owned(),
            question: question.to_owned(),
            section: "Look".to_owned(),
            predicted: predicted.to_owned(),
            predicted_at: "2026-11-23T08:00:00Z".to_owned(),
            result: Right,
            answer: Some("whatever the file says".to_owned()),
            sentence: None,
            reason: None,
        }
    }

    fn woven<'a>(
        file: &'a LessonFile,
        markdown: &'a str,
        recording: &'a Recording,
    ) -> WovenLesson<'a> {
        weave(Some(LessonText { file, markdown }), recording)
    }

    fn quoted(woven: &WovenLesson<'_>, section: &str) -> Vec<Quoted> {
        let section = woven.sections.iter().find(|it| it.name == section).unwrap();
        text::quoted(&section.blocks)
    }

    #[test]
    fn sentences_carry_their_claims_where_they_stand_also_across_lines() {
        let (file, recording) = (file(), samples::recording());
        let woven = woven(&file, TEXT, &recording);
        assert_eq!(quoted(&woven, "Explain"), [Quoted::Claim(0)]);
        assert_eq!(quoted(&woven, "Look"), [Quoted::Claim(1)]);
        let names: Vec<&str> = woven.sections.iter().map(|it| &*it.name).collect();
        assert_eq!(names[1..], ["Predict", "Look", "Explain", "Further"]);
    }

    #[test]
    fn what_the_text_lacks_stands_beside_its_section_or_at_the_end() {
        let (file, recording) = (file(), samples::recording());
        let text = TEXT.replace("## Further", "## Elsewhere");
        for (markdown, section) in [(TEXT, Some("Further")), (&*text, None)] {
            let woven = woven(&file, markdown, &recording);
            let beside = match section {
                Some(name) => {
                    &woven
                        .sections
                        .iter()
                        .find(|it| it.name == name)
                        .unwrap()
                        .beside
                }
                None => &woven.rest,
            };
            assert_eq!(beside.claims, [2], "{section:?}");
        }
        let without = woven(&file, "", &recording);
        assert_eq!(without.rest.claims, [0, 1, 2]);
        assert_eq!(without.rest.tables.len(), 1);
    }

    #[test]
    fn a_table_stands_beside_the_section_that_it_names() {
        let (file, recording) = (file(), samples::recording());
        let woven = woven(&file, TEXT, &recording);
        let look = woven.sections.iter().find(|it| it.name == "Look").unwrap();
        assert_eq!(look.beside.tables[0].title, "Reading a warm file");
    }

    #[test]
    fn a_stored_verdict_is_judged_again() {
        let (file, mut recording) = (file(), samples::recording());
        recording.claims = claims::judge(&file, &recording);
        assert_eq!(recording.claims[1].verdict, Verdict::Holds);
        samples::count(&mut recording, "mmap-load", "copied_to_user_bytes").value = Some(1);
        let known = woven(&file, TEXT, &recording);
        assert_eq!(known.claims[1].verdict, Verdict::Fails);
        let unknown = weave(None, &recording);
        assert_eq!(unknown.judged, Judged::Stored);
        assert_eq!(unknown.rest.claims, [0, 1, 2]);
    }

    #[test]
    fn a_stored_answer_is_evaluated_again_where_the_lesson_asks() {
        let (file, mut recording) = (file(), samples::recording());
        recording.predictions = vec![
            predicted("copies", "How much is copied?", "b) all of it"),
            predicted("calls", "How many calls?", "16,384 calls"),
            predicted("gone", "How many faults?", "7 faults"),
        ];
        let woven = woven(&file, TEXT, &recording);
        let results = woven.predictions.iter().map(|it| it.result);
        let results: Vec<PredictionResult> = results.collect();
        assert_eq!(results, [Wrong, Right, Unobservable]);
        assert_eq!(quoted(&woven, "Predict"), [Quoted::Question(0)]);
        let look = woven.sections.iter().find(|it| it.name == "Look").unwrap();
        assert_eq!(look.beside.predictions, [1, 2]);
    }

    #[test]
    fn every_sentence_of_our_lessons_is_found_in_its_text() {
        for lesson in catalog::all().unwrap() {
            let found = catalog::find(&lesson.lesson.id).unwrap();
            let mut recording = samples::recording();
            let asked = lesson.predictions.iter();
            recording.predictions = asked
                .map(|asked| predicted(&asked.id, &asked.question, "a)"))
                .collect();
            let woven = woven(&lesson, &found.text, &recording);
            let beside = woven.sections.iter().map(|it| &it.beside);
            for beside in beside.chain([&woven.rest]) {
                assert!(beside.claims.is_empty(), "{}: {beside:?}", lesson.lesson.id);
                assert!(beside.predictions.is_empty(), "{}", lesson.lesson.id);
            }
            assert!(woven.rest.tables.is_empty() && woven.rest.charts.is_empty());
        }
    }
}
