//! Expectations and expressions as trees.

use super::{names::Name, value::Arithmetic};

/// Two expressions and how they must relate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The text in `lesson.toml`.
    pub text: String,
    /// The observed side.
    pub left: Side,
    /// The relation that must hold.
    pub relation: Relation,
    /// The expected side.
    pub right: Side,
}

/// An expression with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The text in `lesson.toml`.
    pub text: String,
    /// The same as a tree, with named constants replaced by what they mean.
    pub node: Node,
}

/// An expression as a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A literal.
    Number(i128),
    /// Something that a Recording may have a number for.
    Name(Name),
    /// An operation on two expressions.
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

    /// Its sign in `lesson.toml`.
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

    /// Whether it holds between two numbers.
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

impl Expectation {
    /// Every name on both sides.
    #[must_use]
    pub fn names(&self) -> Vec<&Name> {
        [self.left.names(), self.right.names()].concat()
    }
}

impl Side {
    /// Every name in it.
    #[must_use]
    pub fn names(&self) -> Vec<&Name> {
        let mut names = Vec::new();
        self.node.collect_names(&mut names);
        names
    }

    /// Whether its text is the number itself, so that nothing needs to say where the value comes from.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        let is_named = self.text.starts_with(|c: char| c.is_ascii_alphabetic());
        matches!(self.node, Node::Number(_)) && !is_named
    }
}

impl Node {
    /// How many literals, names and operations it has.
    pub(super) fn size(&self) -> usize {
        match self {
            Node::Number(_) | Node::Name(_) => 1,
            Node::Pair(left, _, right) => 1 + left.size() + right.size(),
        }
    }

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
