//! Reads expectations and expressions by recursive descent, and refuses what mixes units.
//!
//! ```text
//! check   = sum ("==" | "!=" | "<=" | ">=" | "<" | ">") sum
//! sum     = product { ("+" | "-") product }
//! product = factor { ("*" | "/") factor }
//! factor  = ["-"] number | name | constant | "(" sum ")"
//!         | ("min" | "max" | "div_up") "(" sum "," sum ")"
//! ```

use super::{
    error::ExpressionError,
    lexer::{self, Token, TokenKind},
    measure::{Dimension, Measure},
    scope::Scope,
    tree::{Expectation, Node, Relation, Side},
    value::Arithmetic,
};

/// Long enough for any check; it also bounds how deep a tree can be.
const MOST_BYTES: usize = 400;

/// What constants may make of a short text.
const MOST_NODES: usize = 1000;

const SUMS: [(&str, Arithmetic); 2] = [("+", Arithmetic::Add), ("-", Arithmetic::Subtract)];
const PRODUCTS: [(&str, Arithmetic); 2] = [("*", Arithmetic::Multiply), ("/", Arithmetic::Divide)];

/// The functions of the language.
pub const FUNCTIONS: [(&str, Arithmetic); 3] = [
    ("min", Arithmetic::Min),
    ("max", Arithmetic::Max),
    ("div_up", Arithmetic::DivideUp),
];

/// A part of an expression: its tree, its unit and where it stands.
struct Part {
    node: Node,
    /// `None`: literals only, which take the unit of the other side.
    dimension: Option<Dimension>,
    /// Its name, if it is nothing more.
    measure: Option<Measure>,
    start: usize,
    end: usize,
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
}

struct Parser<'a> {
    text: &'a str,
    scope: &'a Scope,
    tokens: Vec<Token>,
    next: usize,
}

impl Expectation {
    /// Reads an expectation.
    pub fn parse(text: &str, scope: &Scope) -> Result<Expectation, ExpressionError> {
        let mut parser = Parser::new(text, scope)?;
        let left = parser.sum()?;
        let at = parser.at();
        let relation = Relation::ALL
            .into_iter()
            .find(|relation| parser.accept(relation.sign()))
            .ok_or_else(|| parser.fail("expected one of == != <= >= < >"))?;
        let right = parser.sum()?;
        parser.require_end()?;
        parser.common(&left, &right, "compared", at)?;
        Ok(Expectation {
            text: text.trim().to_owned(),
            left: parser.side(left)?,
            relation,
            right: parser.side(right)?,
        })
    }
}

impl Side {
    /// Reads an expression.
    pub fn parse(text: &str, scope: &Scope) -> Result<Side, ExpressionError> {
        expression(text, scope).map(|(side, _)| side)
    }
}

/// Reads an expression; also says what dimension it has, unless it consists of literals.
pub(in crate::course) fn expression(
    text: &str,
    scope: &Scope,
) -> Result<(Side, Option<Dimension>), ExpressionError> {
    let mut parser = Parser::new(text, scope)?;
    let part = parser.sum()?;
    parser.require_end()?;
    let dimension = part.dimension;
    Ok((parser.side(part)?, dimension))
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, scope: &'a Scope) -> Result<Self, ExpressionError> {
        if text.len() > MOST_BYTES {
            let problem = format!("longer than {MOST_BYTES} bytes; name its parts in [let]");
            return Err(ExpressionError::new(text, 0, problem));
        }
        Ok(Parser {
            text,
            scope,
            tokens: lexer::tokens(text)?,
            next: 0,
        })
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    /// Where the next token starts.
    fn at(&self) -> usize {
        self.peek().map_or(self.text.len(), |token| token.start)
    }

    /// Where the last token ended.
    fn end(&self) -> usize {
        let read = self.tokens[..self.next].last();
        read.map_or(0, |token| token.end)
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(
            self.peek(),
            Some(Token { kind: TokenKind::Symbol(next), .. }) if *next == symbol
        );
        self.next += usize::from(found);
        found
    }

    fn require(&mut self, symbol: &str) -> Result<(), ExpressionError> {
        if self.accept(symbol) {
            return Ok(());
        }
        Err(self.fail(&format!("expected {symbol}")))
    }

    fn require_end(&self) -> Result<(), ExpressionError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.fail("expected the end here")),
        }
    }

    fn fail(&self, problem: &str) -> ExpressionError {
        ExpressionError::new(self.text, self.at(), problem)
    }

    fn side(&self, part: Part) -> Result<Side, ExpressionError> {
        if part.node.size() > MOST_NODES {
            let problem = "its constants make it too large; define smaller ones";
            return Err(ExpressionError::new(self.text, part.start, problem));
        }
        Ok(Side {
            text: self.text[part.start..part.end].to_owned(),
            node: part.node,
        })
    }

    fn sum(&mut self) -> Result<Part, ExpressionError> {
        self.chain(&SUMS, Parser::product)
    }

    fn product(&mut self) -> Result<Part, ExpressionError> {
        self.chain(&PRODUCTS, Parser::factor)
    }

    /// Operators of one rank, from left to right.
    fn chain(
        &mut self,
        operators: &[(&str, Arithmetic)],
        operand: fn(&mut Self) -> Result<Part, ExpressionError>,
    ) -> Result<Part, ExpressionError> {
        let mut left = operand(self)?;
        loop {
            let at = self.at();
            let found = operators.iter().find(|(sign, _)| self.accept(sign));
            let Some((_, operation)) = found else {
                return Ok(left);
            };
            let right = operand(self)?;
            left = self.pair(left, *operation, right, at)?;
        }
    }

    fn factor(&mut self) -> Result<Part, ExpressionError> {
        let start = self.at();
        if self.accept("(") {
            let inner = self.sum()?;
            self.require(")")?;
            let end = self.end();
            return Ok(Part {
                start,
                end,
                ..inner
            });
        }
        let is_negative = self.accept("-");
        let kind = self.peek().map(|token| token.kind.clone());
        let (node, measure) = match kind {
            Some(TokenKind::Number(number)) => (Node::Number(number), None),
            Some(TokenKind::Size(number)) => (Node::Number(number), Some(Measure::Bytes)),
            Some(TokenKind::Name(word)) if !is_negative => return self.name(&word, start),
            _ if is_negative => return Err(self.fail("expected a number after the minus sign")),
            _ => return Err(self.fail("expected a name or a number")),
        };
        self.next += 1;
        let node = match node {
            Node::Number(number) if is_negative => Node::Number(-number),
            node => node,
        };
        Ok(Part {
            node,
            dimension: measure.map(Measure::dimension),
            measure,
            start,
            end: self.end(),
        })
    }

    fn name(&mut self, word: &str, start: usize) -> Result<Part, ExpressionError> {
        self.next += 1;
        if let Some((_, function)) = FUNCTIONS.iter().find(|(name, _)| *name == word) {
            return self.call(*function, start);
        }
        let (node, dimension, measure) = if let Some(constant) = self.scope.constant(word) {
            (constant.node.clone(), constant.dimension, None)
        } else {
            let name = self
                .scope
                .name(word)
                .map_err(|problem| ExpressionError::new(self.text, start, problem))?;
            let measure = self.scope.measure(&name);
            (Node::Name(name), Some(measure.dimension()), Some(measure))
        };
        Ok(Part {
            node,
            dimension,
            measure,
            start,
            end: self.end(),
        })
    }

    fn call(&mut self, function: Arithmetic, start: usize) -> Result<Part, ExpressionError> {
        self.require("(")?;
        let first = self.sum()?;
        self.require(",")?;
        let second = self.sum()?;
        self.require(")")?;
        let end = self.end();
        let pair = self.pair(first, function, second, start)?;
        Ok(Part { start, end, ..pair })
    }

    fn pair(
        &self,
        left: Part,
        operation: Arithmetic,
        right: Part,
        at: usize,
    ) -> Result<Part, ExpressionError> {
        let dimension = match (operation, left.dimension, right.dimension) {
            (Arithmetic::Multiply, Some(left), Some(right)) => Some(left.times(right)),
            (Arithmetic::Multiply, left, right) => left.or(right),
            (Arithmetic::Divide | Arithmetic::DivideUp, left, Some(right)) => {
                Some(left.unwrap_or(Dimension::COUNT).per(right))
            }
            (Arithmetic::Divide | Arithmetic::DivideUp, left, None) => left,
            (Arithmetic::Add, ..) => self.common(&left, &right, "added", at)?,
            (Arithmetic::Subtract, ..) => self.common(&left, &right, "subtracted", at)?,
            (Arithmetic::Min | Arithmetic::Max, ..) => {
                self.common(&left, &right, "compared", at)?
            }
        };
        Ok(Part {
            start: left.start,
            end: right.end,
            node: Node::Pair(Box::new(left.node), operation, Box::new(right.node)),
            dimension,
            measure: None,
        })
    }

    /// The dimension of both parts; a literal takes that of the other.
    fn common(
        &self,
        left: &Part,
        right: &Part,
        verb: &str,
        at: usize,
    ) -> Result<Option<Dimension>, ExpressionError> {
        match (left.dimension, right.dimension) {
            (Some(one), Some(other)) if one != other => {
                let text = |part: &Part| &self.text[part.start..part.end];
                let is_byte = |dimension| dimension == Measure::Bytes.dimension();
                let hint = match (is_byte(one), is_byte(other)) {
                    (false, false) => "",
                    _ => "; pages times machine.page_bytes are bytes, and 20B is 20 bytes",
                };
                let problem = format!(
                    "{} ({}) and {} ({}) cannot be {verb}{hint}",
                    text(left),
                    left.unit(),
                    text(right),
                    right.unit()
                );
                Err(ExpressionError::new(self.text, at, problem))
            }
            (one, other) => Ok(one.or(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expectation(text: &str) -> Result<Expectation, ExpressionError> {
        Expectation::parse(text, &Scope::default())
    }

    /// The tree with every pair in brackets.
    fn shape(node: &Node) -> String {
        match node {
            Node::Number(number) => number.to_string(),
            Node::Name(_) => "name".to_owned(),
            Node::Pair(left, operation, right) => {
                format!("({} {operation:?} {})", shape(left), shape(right))
            }
        }
    }

    #[test]
    fn products_bind_tighter_than_sums_and_both_go_from_left_to_right() {
        let read = expectation("8 - 2-1 + 6 / 2 * 3 == (8 - (2 - 1))").unwrap();
        assert_eq!(
            shape(&read.left.node),
            "(((8 Subtract 2) Subtract 1) Add ((6 Divide 2) Multiply 3))"
        );
        assert_eq!(shape(&read.right.node), "(8 Subtract (2 Subtract 1))");
    }

    #[test]
    fn a_literal_may_be_negative() {
        let read = expectation("rounds--3 == -5").unwrap();
        assert_eq!(shape(&read.left.node), "(name Subtract -3)");
        assert_eq!(shape(&read.right.node), "-5");
    }

    #[test]
    fn sides_keep_their_text_and_names() {
        let read = expectation(" faults.major <= div_up(work.bytes, machine.page_bytes) ").unwrap();
        assert_eq!(read.left.text, "faults.major");
        assert_eq!(read.right.text, "div_up(work.bytes, machine.page_bytes)");
        assert_eq!(read.relation, Relation::AtMost);
        assert_eq!(read.names().len(), 3);
    }

    #[test]
    fn a_syntax_error_says_its_column() {
        for (text, column) in [
            ("", 1),
            ("faults", 7),
            ("faults ==", 10),
            ("faults == 1 == 1", 13),
            ("(faults == 1", 9),
            ("min(1) == 1", 6),
            ("min == 1", 5),
            ("* 3 == 1", 1),
            ("faults == folts", 11),
            ("faults == 3 4", 13),
            ("faults == -rounds", 12),
        ] {
            let error = expectation(text).unwrap_err();
            assert_eq!(error.column, column, "{error}");
        }
    }

    #[test]
    fn a_text_without_end_is_refused_before_it_is_read() {
        let deep = "(".repeat(100_000);
        assert!(expectation(&deep).is_err());
        let deepest = format!("{}1{} == 1", "(".repeat(190), ")".repeat(190));
        assert!(expectation(&deepest).is_ok());
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
