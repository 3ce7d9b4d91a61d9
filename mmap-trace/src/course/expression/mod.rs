//! The language of `expect`, `needs` and `[let]`: text becomes tokens (`lexer`) and a tree (`parser`),
//! with names that `names` knows for every lesson and `scope` for one. `judge` computes its value.

pub mod constants;
pub mod error;
mod lexer;
pub mod measure;
pub mod names;
pub mod parser;
mod part;
pub mod scope;
pub(super) mod times;
pub mod tree;
pub mod value;
