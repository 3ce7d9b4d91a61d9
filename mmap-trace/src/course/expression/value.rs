//! Values over a scenario's rounds, and arithmetic that never panics.

use std::fmt;

use crate::text::number::thousands;

/// Why a value is unobservable on this machine or in this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unobservable(pub String);

/// Which rounds a value describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounds {
    /// All of them.
    All,
    /// One of them; the others may differ.
    One,
}

/// One quantity: the same in every round, or with its smallest and largest round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// Of the median round.
    pub median: i128,
    /// Of the smallest.
    pub min: i128,
    /// Of the largest.
    pub max: i128,
    /// Which rounds they describe.
    pub rounds: Rounds,
}

impl Value {
    /// A number that is the same in every round.
    #[must_use]
    pub fn constant(number: impl Into<i128>) -> Value {
        let number = number.into();
        Value {
            median: number,
            min: number,
            max: number,
            rounds: Rounds::All,
        }
    }

    /// A number that is known for one round only.
    #[must_use]
    pub fn of_one_round(number: impl Into<i128>) -> Value {
        Value {
            rounds: Rounds::One,
            ..Value::constant(number)
        }
    }

    /// Applies `operation` to the median, smallest and largest rounds of two values.
    pub(in crate::course) fn combine(
        self,
        other: Value,
        operation: Arithmetic,
    ) -> Result<Value, Unobservable> {
        Ok(Value {
            median: operation.apply(self.median, other.median)?,
            min: operation.apply(self.min, other.min)?,
            max: operation.apply(self.max, other.max)?,
            rounds: match (self.rounds, other.rounds) {
                (Rounds::All, Rounds::All) => Rounds::All,
                _ => Rounds::One,
            },
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&thousands(self.median))?;
        if self.min == self.max {
            return Ok(());
        }
        write!(
            out,
            " (rounds {}..{})",
            thousands(self.min),
            thousands(self.max)
        )
    }
}

/// An operation on two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `a + b`
    Add,
    /// `a - b`
    Subtract,
    /// `a * b`
    Multiply,
    /// `a / b`, rounded down.
    Divide,
    /// `div_up(a, b)`, rounded up.
    DivideUp,
    /// `min(a, b)`
    Min,
    /// `max(a, b)`
    Max,
}

impl Arithmetic {
    fn apply(self, left: i128, right: i128) -> Result<i128, Unobservable> {
        if right == 0 && matches!(self, Arithmetic::Divide | Arithmetic::DivideUp) {
            return Err(Unobservable(
                "the expectation divides by zero here".to_owned(),
            ));
        }
        match self {
            Arithmetic::Add => left.checked_add(right),
            Arithmetic::Subtract => left.checked_sub(right),
            Arithmetic::Multiply => left.checked_mul(right),
            Arithmetic::Divide => floor_divide(left, right),
            Arithmetic::DivideUp => left
                .checked_neg()
                .and_then(|negated| floor_divide(negated, right))
                .and_then(i128::checked_neg),
            Arithmetic::Min => Some(left.min(right)),
            Arithmetic::Max => Some(left.max(right)),
        }
        .ok_or_else(|| Unobservable("a number grows beyond 128 bits here".to_owned()))
    }
}

fn floor_divide(left: i128, right: i128) -> Option<i128> {
    let quotient = left.checked_div(right)?;
    let remainder = left.checked_rem(right)?;
    let below = remainder != 0 && (remainder < 0) != (right < 0);
    quotient.checked_sub(i128::from(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(operation: Arithmetic, left: i128, right: i128) -> Option<i128> {
        operation.apply(left, right).ok()
    }

    #[test]
    fn division_rounds_down_or_up_also_below_zero() {
        assert_eq!(apply(Arithmetic::Divide, 7, 2), Some(3));
        assert_eq!(apply(Arithmetic::Divide, -7, 2), Some(-4));
        assert_eq!(apply(Arithmetic::DivideUp, 7, 2), Some(4));
        assert_eq!(apply(Arithmetic::DivideUp, 8, 2), Some(4));
        assert_eq!(apply(Arithmetic::DivideUp, -7, 2), Some(-3));
    }

    #[test]
    fn division_by_zero_and_overflow_do_not_panic() {
        assert_eq!(apply(Arithmetic::Divide, 1, 0), None);
        assert_eq!(apply(Arithmetic::DivideUp, 1, 0), None);
        assert_eq!(apply(Arithmetic::Divide, i128::MIN, -1), None);
        assert_eq!(apply(Arithmetic::DivideUp, i128::MIN, -1), None);
        assert_eq!(apply(Arithmetic::Multiply, i128::MAX, 2), None);
        assert_eq!(apply(Arithmetic::Subtract, i128::MIN, 1), None);
        assert_eq!(apply(Arithmetic::Add, i128::MAX, 1), None);
    }

    #[test]
    fn a_sum_with_a_value_of_one_round_is_known_for_one_round() {
        let all = Value {
            min: 3,
            median: 4,
            max: 5,
            rounds: Rounds::All,
        };
        let sum = all.combine(Value::of_one_round(1), Arithmetic::Add);
        let expected = Value {
            min: 4,
            median: 5,
            max: 6,
            rounds: Rounds::One,
        };
        assert_eq!(sum, Ok(expected));
        assert_eq!(expected.to_string(), "5 (rounds 4..6)");
    }
}
