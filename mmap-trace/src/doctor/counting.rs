//! Every signal: the way that counts it, and why the others do not. Loaded and attached for real, because
//! only that tells the truth.

use serde::Serialize;

use super::{finding::Level, host::Host, kernel::ANOTHER_KERNEL};
use crate::{
    attach::{
        choose::{Forced, choose},
        load::{self, KernelLog, Won},
    },
    kernel::{
        btf::Btf,
        disk::Disk,
        facts::{self, Facts},
    },
    session::{membership::Membership, trace},
    signals::Grade,
};

/// How far counting was tried.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trial {
    /// Programs were loaded and attached.
    Attached,
    /// Nothing could be, for this reason; ways are those that the kernel's facts leave.
    Refused(String),
}

/// One signal.
#[derive(Clone, Debug, Serialize)]
pub struct Counted {
    /// Its key.
    pub signal: &'static str,
    /// How much it matters.
    pub level: Level,
    /// The way that counts it, or would be tried first.
    pub way: Option<&'static str>,
    /// What its numbers are worth.
    pub grade: Option<Grade>,
    /// Why ways before it, or all, do not count it.
    pub refused: Vec<Refused>,
    /// Where it can be counted, if not here.
    pub mend: Option<&'static str>,
}

/// A way that does not count a signal here.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// The way.
    pub way: &'static str,
    /// The kernel's answer, or what is missing.
    pub reason: String,
}

/// What can be counted.
#[derive(Clone, Debug, Serialize)]
pub struct Counting {
    /// Whether programs were attached.
    pub trial: Trial,
    /// Every signal, in the order of the plan.
    pub signals: Vec<Counted>,
    /// What decides between ways: with it this kernel can be tried in a test.
    pub facts: Option<Facts>,
}

/// Tries to count on this machine. Nothing stays attached.
pub(super) fn attempt(host: &Host) -> Counting {
    let disk = Disk::of(host.work_dir()).unwrap_or_default();
    let btf = match Btf::of_this_kernel() {
        Ok(btf) => btf,
        Err(error) => return untried(&format!("{error:#}"), None),
    };
    let facts = facts::gather(&btf, disk);
    // Nobody is a member: a table without entries.
    let parameters = trace::parameters(&facts.disk, Membership::Table);
    let chosen = choose(&facts, &Forced::new());
    match load::load(facts.clone(), chosen, parameters, KernelLog::Off) {
        Ok(attached) => Counting {
            trial: Trial::Attached,
            signals: attached.signals.iter().map(counted).collect(),
            facts: Some(facts),
        },
        Err(error) => untried(&format!("{error:#}"), Some(facts)),
    }
}

fn counted(won: &Won) -> Counted {
    let order: Vec<&str> = won.plan.ways.iter().map(|way| way.name).collect();
    let place = |name| order.iter().position(|known| *known == name);
    // A way behind the one that won was not needed.
    let before: Vec<_> = won
        .refused
        .iter()
        .filter(|(name, _)| won.way.is_none_or(|way| place(*name) < place(way.name)))
        .cloned()
        .collect();
    Counted {
        signal: won.plan.signal.key(),
        level: match won.way {
            None => Level::Warning,
            Some(_) if before.is_empty() => Level::Ok,
            Some(_) => Level::Note,
        },
        way: won.way.map(|way| way.name),
        grade: won.way.map(|way| way.grade),
        refused: refused(&before),
        mend: won.way.is_none().then_some(ANOTHER_KERNEL),
    }
}

fn untried(reason: &str, facts: Option<Facts>) -> Counting {
    let chosen = choose(&facts.clone().unwrap_or_default(), &Forced::new());
    let signals = chosen.iter().map(|choice| {
        let first = choice.candidates.first();
        Counted {
            signal: choice.plan.signal.key(),
            level: Level::Note,
            way: first.map(|way| way.name),
            grade: first.map(|way| way.grade),
            refused: match first {
                Some(_) => Vec::new(),
                None => refused(&choice.refused),
            },
            mend: None,
        }
    });
    Counting {
        trial: Trial::Refused(reason.to_owned()),
        signals: signals.collect(),
        facts,
    }
}

fn refused(ways: &[(&'static str, String)]) -> Vec<Refused> {
    ways.iter()
        .map(|(way, reason)| Refused {
            way,
            reason: reason.clone(),
        })
        .collect()
}
