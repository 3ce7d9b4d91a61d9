//! Parts of an expression with their units, and which of them can be combined.

use super::{
    error::ExpressionError,
    measure::{Dimension, Measure},
    tree::Node,
    value::Arithmetic,
};

/// A part of an expression: its tree, its unit and where it is in the text.
pub(super) struct Part {
    pub(super) node: Node,
    /// `None`: literals only, which take the unit of the other side.
    pub(super) dimension: Option<Dimension>,
    /// Its name, if it is nothing more.
    pub(super) measure: Option<Measure>,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Part {
    /// Its unit as people call it.
    fn unit(&self) -> String {
        match (self.measure, self.dimension) {
            (Some(measure), _) => measure.name().to_owned(),
            (None, Some(dimension)) => dimension.to_string(),
            (None, None) => "any unit".to_owned(),
        }
    }

    /// Combines both parts by an operation, which is at the byte `at` of `text`.
    pub(super) fn pair(
        self,
        operation: Arithmetic,
        right: Part,
        text: &str,
        at: usize,
    ) -> Result<Part, ExpressionError> {
        let dimension = match (operation, self.dimension, right.dimension) {
            (Arithmetic::Multiply, Some(left), Some(right)) => Some(left.times(right)),
            (Arithmetic::Multiply, left, right) => left.or(right),
            (Arithmetic::Divide | Arithmetic::DivideUp, left, Some(right)) => {
                Some(left.unwrap_or(Dimension::COUNT).per(right))
            }
            (Arithmetic::Divide | Arithmetic::DivideUp, left, None) => left,
            (Arithmetic::Add, ..) => self.common(&right, "added", text, at)?,
            (Arithmetic::Subtract, ..) => self.common(&right, "subtracted", text, at)?,
            (Arithmetic::Min | Arithmetic::Max, ..) => self.common(&right, "compared", text, at)?,
        };
        Ok(Part {
            start: self.start,
            end: right.end,
            node: Node::Pair(Box::new(self.node), operation, Box::new(right.node)),
            dimension,
            measure: None,
        })
    }

    /// The dimension of both parts; a literal takes that of the other.
    pub(super) fn common(
        &self,
        right: &Part,
        verb: &str,
        text: &str,
        at: usize,
    ) -> Result<Option<Dimension>, ExpressionError> {
        match (self.dimension, right.dimension) {
            (Some(one), Some(other)) if one != other => {
                let shown =
                    |part: &Part| format!("{} ({})", &text[part.start..part.end], part.unit());
                let is_byte = |dimension| dimension == Measure::Bytes.dimension();
                let hint = match (is_byte(one), is_byte(other)) {
                    (false, false) => "",
                    _ => "; pages times machine.page_bytes are bytes, and 20B is 20 bytes",
                };
                let problem = format!(
                    "{} and {} cannot be {verb}{hint}",
                    shown(self),
                    shown(right)
                );
                Err(ExpressionError::new(text, at, problem))
            }
            (one, other) => Ok(one.or(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::course::expression::{error::ExpressionError, scope::Scope, tree::Expectation};

    fn expectation(text: &str) -> Result<Expectation, ExpressionError> {
        Expectation::parse(text, &Scope::default())
    }

    #[test]
    fn counts_bytes_and_times_do_not_mix() {
        for (text, problem) in [
            (
                "pages_written + block_written_bytes == 0",
                "column 15: pages_written (pages) and block_written_bytes (bytes) cannot be added; \
                 pages times machine.page_bytes are bytes",
            ),
            (
                "pages_written == work.bytes",
                "column 15: pages_written (pages) and work.bytes (bytes) cannot be compared",
            ),
            (
                "faults == 4KiB",
                "faults (events) and 4KiB (bytes) cannot be compared",
            ),
            ("min(faults, work.bytes) == 0", "column 1: faults (events)"),
            (
                "copied_to_user_bytes == 20 * work.operations",
                "20 * work.operations (a count) cannot be compared",
            ),
            (
                "block_written_bytes * 8 == work.bytes * machine.page_bytes",
                "(bytes) and work.bytes * machine.page_bytes (bytes^2) cannot",
            ),
            ("cpu_us - work.bytes < 0", "cannot be subtracted"),
        ] {
            let error = expectation(text).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn pages_become_bytes_and_literals_take_the_unit_of_the_other_side() {
        for text in [
            "block_written_bytes == pages_written * machine.page_bytes",
            "faults == div_up(work.bytes, max(machine.fault_around_bytes, machine.page_bytes))",
            "faults == work.bytes / machine.page_bytes + 1",
            "copied_to_user_bytes == 20B * work.operations",
            "block_written_bytes * 8B == work.bytes * machine.page_bytes",
            "copied_from_user_bytes + copied_to_user_bytes == 2",
            "syscalls + faults == work.pages + 2 * work.operations",
            "cpu_samples.copying * null:cpu_samples < null:cpu_samples.copying * cpu_samples",
            "observed.rusage_user_us + 5 < 4 * cpu_us",
            "work.bytes - 4KiB > 0 - 5",
        ] {
            assert!(expectation(text).is_ok(), "{:?}", expectation(text));
        }
    }
}
