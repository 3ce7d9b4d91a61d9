//! The live tests in other kernels: what several guests say at once is told apart and counted by kernel.

use std::collections::BTreeMap;

use super::tally::Tally;
use crate::{
    account::Builder,
    kernels::{
        live::{self, Event},
        series::Series,
    },
    say,
};

/// Runs them and counts them. A guest that does not get to the end is a failure, and no reason to leave
/// out the next kernel.
pub(super) fn tests(kernels: &[Series], only: &[String], builder: &Builder, tally: &mut Tally) {
    let mut guests: BTreeMap<Series, Tally> = BTreeMap::new();
    let ran = live::run(kernels, only, builder, |series, event| {
        let guest = guests.entry(series).or_default();
        match event {
            Event::Line(line) => {
                if !line.is_empty() {
                    println!("Linux {series}: {line}");
                }
                guest.read(&line);
            }
            Event::Ended(Ok(())) => guest.close(1, true),
            Event::Ended(Err(error)) => {
                say::note(format_args!("{error:#}"));
                guest.add_crash("the tests did not get to their end");
            }
        }
    });
    if let Err(error) = ran {
        say::note(format_args!("{error:#}"));
        tally.add_crash("no kernel could be booted in a box");
    }
    for (series, guest) in guests {
        tally.absorb(&format!("Linux {series}"), guest);
    }
}
