//! The CPU time of a scenario: a confidence interval of its median over the rounds. It does no I/O.

use super::session::page::CellMark;
use crate::record::CpuTime;

/// Confidence that the median of the distribution lies in the interval.
const CONFIDENCE: f64 = 0.95;

/// CPU time of a scenario; `None` if a round has no account of it.
///
/// The ends are the k-th smallest and the k-th largest round, for the largest k at which the interval
/// contains the median with at least 95 % confidence.
/// The number of rounds below the median is binomial, whatever the distribution of the rounds (David and
/// Nagaraja, Order Statistics, 7.1): of 7 rounds the ends are the smallest and the largest, and with more
/// rounds single outliers drop out.
#[must_use]
pub fn of_rounds(rounds: &[&CellMark]) -> Option<CpuTime> {
    if !rounds.iter().all(|round| round.has_usage) {
        return None;
    }
    let mut each_us: Vec<u64> = rounds
        .iter()
        .map(|round| round.user_us + round.system_us)
        .collect();
    each_us.sort_unstable();
    let cut = cut_at_each_end(each_us.len());
    Some(CpuTime {
        low_us: *each_us.get(cut)?,
        median_us: *each_us.get(each_us.len().checked_sub(1)? / 2)?,
        high_us: *each_us.get(each_us.len() - 1 - cut)?,
        first_begin_ns: rounds.iter().map(|round| round.begin_ns).min()?,
        last_end_ns: rounds.iter().map(|round| round.end_ns).max()?,
    })
}

/// How many rounds the interval leaves out at each end.
fn cut_at_each_end(rounds: usize) -> usize {
    let rounds_f64 = rounds as f64;
    let mut probability = 0.5_f64.powf(rounds_f64);
    let mut outside = 2.0 * probability;
    let mut cut = 0;
    while cut < rounds / 2 {
        let number = cut as f64;
        probability *= (rounds_f64 - number) / (number + 1.0);
        outside += 2.0 * probability;
        if 1.0 - outside < CONFIDENCE {
            break;
        }
        cut += 1;
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(user_us: u64, begin_ns: u64) -> CellMark {
        CellMark {
            user_us,
            system_us: 1,
            begin_ns,
            end_ns: begin_ns + 5,
            has_usage: true,
            ..CellMark::default()
        }
    }

    /// Expected values from tables of the binomial distribution with p = 1/2.
    #[test]
    fn the_interval_drops_as_many_outliers_as_its_confidence_allows() {
        for (rounds, cut) in [
            (0, 0),
            (1, 0),
            (5, 0),
            (7, 0),
            (8, 0),
            (9, 1),
            (11, 1),
            (12, 2),
            (15, 3),
            (20, 5),
        ] {
            assert_eq!(cut_at_each_end(rounds), cut, "{rounds} rounds");
        }
    }

    #[test]
    fn the_interval_of_seven_rounds_is_their_whole_range() {
        let rounds = [7, 3, 9, 1, 5, 100, 4].map(|us| round(us, us * 10));
        let cpu = of_rounds(&rounds.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!((cpu.low_us, cpu.median_us, cpu.high_us), (2, 6, 101));
        assert_eq!((cpu.first_begin_ns, cpu.last_end_ns), (10, 1005));
    }

    #[test]
    fn without_rounds_or_an_account_there_is_no_cpu_time() {
        assert_eq!(of_rounds(&[]), None);
        let unknown = CellMark::default();
        assert_eq!(of_rounds(&[&round(1, 1), &unknown]), None);
    }
}
