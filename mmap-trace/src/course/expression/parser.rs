//! Reads expectations and expressions by recursive descent.
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
    part::Part,
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
        left.common(&right, "compared", text, at)?;
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
            left = left.pair(*operation, right, self.text, at)?;
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
        let pair = first.pair(function, second, self.text, start)?;
        Ok(Part { start, end, ..pair })
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
}
