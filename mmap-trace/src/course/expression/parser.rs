//! From words to a tree, by recursive descent; the grammar stands in `expression`.

use super::{
    lexer::{self, Kind, Token},
    names::Name,
    tree::{Expectation, ExpressionError, Node, Relation, Side},
    value::Arithmetic,
};

const SUMS: [(&str, Arithmetic); 2] = [("+", Arithmetic::Add), ("-", Arithmetic::Subtract)];
const PRODUCTS: [(&str, Arithmetic); 2] = [("*", Arithmetic::Multiply), ("/", Arithmetic::Divide)];
const FUNCTIONS: [(&str, Arithmetic); 3] = [
    ("min", Arithmetic::Min),
    ("max", Arithmetic::Max),
    ("div_up", Arithmetic::DivideUp),
];

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
}

/// Reads a whole expectation.
pub(super) fn expectation(text: &str) -> Result<Expectation, ExpressionError> {
    let mut parser = Parser {
        text,
        tokens: lexer::tokens(text)?,
        next: 0,
    };
    let left = parser.side()?;
    let relation = Relation::ALL
        .into_iter()
        .find(|relation| parser.accept(relation.sign()))
        .ok_or_else(|| parser.fail("expected one of == != <= >= < >"))?;
    let right = parser.side()?;
    match parser.peek() {
        None => Ok(Expectation {
            text: text.trim().to_owned(),
            left,
            relation,
            right,
        }),
        Some(_) => Err(parser.fail("expected the end here")),
    }
}

/// Reads one side alone.
pub(super) fn side(text: &str) -> Result<Side, ExpressionError> {
    let mut parser = Parser {
        text,
        tokens: lexer::tokens(text)?,
        next: 0,
    };
    let side = parser.side()?;
    match parser.peek() {
        None => Ok(side),
        Some(_) => Err(parser.fail("expected the end here")),
    }
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Token { kind: Kind::Symbol(next), .. }) if *next == symbol);
        self.next += usize::from(found);
        found
    }

    fn require(&mut self, symbol: &str) -> Result<(), ExpressionError> {
        if self.accept(symbol) {
            return Ok(());
        }
        Err(self.fail(&format!("expected {symbol}")))
    }

    fn fail(&self, problem: &str) -> ExpressionError {
        let at = self.peek().map_or(self.text.len(), |token| token.start);
        ExpressionError::new(self.text, at, problem.to_owned())
    }

    fn side(&mut self) -> Result<Side, ExpressionError> {
        let start = self.peek().map_or(self.text.len(), |token| token.start);
        let node = self.sum()?;
        let end = self.tokens[..self.next]
            .last()
            .map_or(start, |token| token.end);
        Ok(Side {
            text: self.text[start..end].to_owned(),
            node,
        })
    }

    fn sum(&mut self) -> Result<Node, ExpressionError> {
        self.chain(&SUMS, Parser::product)
    }

    fn product(&mut self) -> Result<Node, ExpressionError> {
        self.chain(&PRODUCTS, Parser::factor)
    }

    /// Operators of one rank, from left to right.
    fn chain(
        &mut self,
        operators: &[(&str, Arithmetic)],
        operand: fn(&mut Self) -> Result<Node, ExpressionError>,
    ) -> Result<Node, ExpressionError> {
        let mut node = operand(self)?;
        while let Some((_, operation)) = operators.iter().find(|(sign, _)| self.accept(sign)) {
            node = Node::Pair(Box::new(node), *operation, Box::new(operand(self)?));
        }
        Ok(node)
    }

    fn factor(&mut self) -> Result<Node, ExpressionError> {
        if self.accept("(") {
            let node = self.sum()?;
            self.require(")")?;
            return Ok(node);
        }
        let Some(Token { kind, start, .. }) = self.peek().cloned() else {
            return Err(self.fail("expected a name or a number"));
        };
        match kind {
            Kind::Number(number) => {
                self.next += 1;
                Ok(Node::Number(number))
            }
            Kind::Name(word) => {
                self.next += 1;
                if let Some((_, function)) = FUNCTIONS.iter().find(|(name, _)| *name == word) {
                    return self.call(*function);
                }
                let name = Name::parse(&word)
                    .map_err(|problem| ExpressionError::new(self.text, start, problem))?;
                Ok(Node::Name(name))
            }
            Kind::Symbol(_) => Err(self.fail("expected a name or a number")),
        }
    }

    fn call(&mut self, function: Arithmetic) -> Result<Node, ExpressionError> {
        self.require("(")?;
        let first = self.sum()?;
        self.require(",")?;
        let second = self.sum()?;
        self.require(")")?;
        Ok(Node::Pair(Box::new(first), function, Box::new(second)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let read = expectation("8 - 2 - 1 + 6 / 2 * 3 == (8 - (2 - 1))").unwrap();
        assert_eq!(
            shape(&read.left.node),
            "(((8 Subtract 2) Subtract 1) Add ((6 Divide 2) Multiply 3))"
        );
        assert_eq!(shape(&read.right.node), "(8 Subtract (2 Subtract 1))");
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
    fn what_is_no_expectation_is_refused_and_says_where() {
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
        ] {
            let error = expectation(text).unwrap_err();
            assert_eq!(error.column, column, "{error}");
        }
    }

    #[test]
    fn a_text_without_end_is_refused_before_it_is_read() {
        let deep = "(".repeat(100_000);
        assert!(Expectation::parse(&deep).is_err());
        let deepest = format!("{}1{} == 1", "(".repeat(190), ")".repeat(190));
        assert!(Expectation::parse(&deepest).is_ok());
    }
}
