//! The language of expectations: text becomes a tree (`lexer`, `parser`, `names`), and a tree becomes
//! a number (`value`).

mod lexer;
pub mod names;
mod parser;
pub(super) mod times;
pub mod tree;
pub mod value;
