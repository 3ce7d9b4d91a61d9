//! The language of checks: `sum op sum`, read once, when `lesson.toml` is read.
//!
//! ```text
//! check   = sum ("==" | "!=" | "<=" | ">=" | "<" | ">") sum
//! sum     = product { ("+" | "-") product }
//! product = factor { ("*" | "/") factor }
//! factor  = number | name | "(" sum ")" | ("min" | "max" | "div_up") "(" sum "," sum ")"
//! ```
//! Names contain hyphens, so a minus stands between spaces. Division rounds down. There is no
//! negative literal: `0 - 1`.

use thiserror::Error;

use super::{names::Name, parser, value::Arithmetic};

/// Long enough for any sentence; it also bounds how deep a tree can be.
const LONGEST: usize = 400;

/// One expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// As `lesson.toml` has it.
    pub text: String,
    /// What is observed.
    pub left: Side,
    /// How the sides must relate.
    pub relation: Relation,
    /// What is expected.
    pub right: Side,
}

/// One side of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// As written.
    pub text: String,
    /// As read.
    pub node: Node,
}

/// A sum, as a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A literal.
    Number(i128),
    /// Something to look up.
    Name(Name),
    /// Two of them.
    Pair(Box<Node>, Arithmetic, Box<Node>),
}

/// How two sides must relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
    /// `>`
    Greater,
}

impl Relation {
    pub(super) const ALL: [Relation; 6] = [
        Relation::Equal,
        Relation::NotEqual,
        Relation::AtMost,
        Relation::AtLeast,
        Relation::Less,
        Relation::Greater,
    ];

    /// As it is written.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Relation::Equal => "==",
            Relation::NotEqual => "!=",
            Relation::AtMost => "<=",
            Relation::AtLeast => ">=",
            Relation::Less => "<",
            Relation::Greater => ">",
        }
    }

    /// Whether two numbers relate so.
    #[must_use]
    pub fn is_true(self, left: i128, right: i128) -> bool {
        match self {
            Relation::Equal => left == right,
            Relation::NotEqual => left != right,
            Relation::AtMost => left <= right,
            Relation::AtLeast => left >= right,
            Relation::Less => left < right,
            Relation::Greater => left > right,
        }
    }
}

/// Why a text is no expectation.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text:?}, column {column}: {problem}")]
pub struct ExpressionError {
    /// The whole text.
    pub text: String,
    /// Where it goes wrong, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: String,
}

impl ExpressionError {
    pub(super) fn new(text: &str, at: usize, problem: String) -> Self {
        ExpressionError {
            text: text.to_owned(),
            column: text[..at].chars().count() + 1,
            problem,
        }
    }
}

impl Side {
    /// Reads a sum that is compared with nothing.
    pub fn parse(text: &str) -> Result<Side, ExpressionError> {
        require_short(text)?;
        parser::side(text)
    }

    /// Every name in it.
    #[must_use]
    pub fn names(&self) -> Vec<&Name> {
        let mut names = Vec::new();
        self.node.collect_names(&mut names);
        names
    }
}

fn require_short(text: &str) -> Result<(), ExpressionError> {
    if text.len() > LONGEST {
        let problem = format!("longer than {LONGEST} bytes");
        return Err(ExpressionError::new(text, 0, problem));
    }
    Ok(())
}

impl Expectation {
    /// Reads an expectation.
    pub fn parse(text: &str) -> Result<Expectation, ExpressionError> {
        require_short(text)?;
        parser::expectation(text)
    }

    /// Every name on both sides.
    #[must_use]
    pub fn names(&self) -> Vec<&Name> {
        let mut names = Vec::new();
        self.left.node.collect_names(&mut names);
        self.right.node.collect_names(&mut names);
        names
    }
}

impl Node {
    fn collect_names<'a>(&'a self, names: &mut Vec<&'a Name>) {
        match self {
            Node::Number(_) => {}
            Node::Name(name) => names.push(name),
            Node::Pair(left, _, right) => {
                left.collect_names(names);
                right.collect_names(names);
            }
        }
    }
}
