//! Named constants: `[let]` of a lesson.

use std::collections::BTreeMap;

use super::{
    lexer::{self, TokenKind},
    names::Name,
    parser::{self, FUNCTIONS},
    scope::{Constant, Scope},
};

/// Reads the constants into `scope`, each after those that it uses; returns what is wrong, as a name
/// and a problem.
pub fn define(texts: &BTreeMap<String, String>, scope: &mut Scope) -> Vec<(String, String)> {
    let mut reader = Reader {
        texts,
        scope,
        path: Vec::new(),
        failed: Vec::new(),
    };
    for name in texts.keys() {
        reader.scope.declare(name);
    }
    for name in texts.keys() {
        reader.read(name);
    }
    reader.failed
}

/// Constants that use each other in a longer row are refused: reading one takes stack.
const MOST_NESTED: usize = 64;

struct Reader<'a> {
    texts: &'a BTreeMap<String, String>,
    scope: &'a mut Scope,
    /// Constants that are being read, each used by the one before.
    path: Vec<&'a str>,
    failed: Vec<(String, String)>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, name: &'a str) {
        let is_done = self.scope.constant(name).is_some();
        if is_done || self.failed.iter().any(|(failed, _)| failed == name) {
            return;
        }
        if let Some(from) = self.path.iter().position(|open| *open == name) {
            let cycle = [&self.path[from..], &[name]].concat();
            let problem = format!("it is defined by itself: {}", cycle.join(" -> "));
            self.failed.push((name.to_owned(), problem));
            return;
        }
        if self.path.len() == MOST_NESTED {
            let problem = format!("more than {MOST_NESTED} constants use each other in a row");
            self.failed.push((name.to_owned(), problem));
            return;
        }
        self.path.push(name);
        let result = self.constant(name);
        self.path.pop();
        match result {
            Ok(constant) => self.scope.define(name, constant),
            // Every constant on a cycle has already failed for that reason.
            Err(_) if self.failed.iter().any(|(failed, _)| failed == name) => {}
            Err(problem) => self.failed.push((name.to_owned(), problem)),
        }
    }

    fn constant(&mut self, name: &'a str) -> Result<Constant, String> {
        require_free(name)?;
        let text = &self.texts[name];
        for used in used(text, self.texts)? {
            self.read(used);
        }
        let (side, dimension) =
            parser::expression(text, self.scope).map_err(|error| error.to_string())?;
        Ok(Constant {
            node: side.node,
            dimension,
        })
    }
}

/// The constants that an expression names.
fn used<'a>(text: &str, texts: &'a BTreeMap<String, String>) -> Result<Vec<&'a str>, String> {
    let tokens = lexer::tokens(text).map_err(|error| error.to_string())?;
    let words = tokens.iter().filter_map(|token| match &token.kind {
        TokenKind::Name(word) => texts.get_key_value(word),
        _ => None,
    });
    Ok(words.map(|(name, _)| name.as_str()).collect())
}

/// A constant must not hide another name.
fn require_free(name: &str) -> Result<(), String> {
    let is_word = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !is_word {
        return Err("a constant is named by small letters, digits and _".to_owned());
    }
    let is_function = FUNCTIONS.iter().any(|(known, _)| *known == name);
    let is_prefix = ["work", "machine", "observed", "role"].contains(&name);
    if is_function || is_prefix || Name::parse(name).is_ok() {
        return Err(format!("{name} means something else already; rename it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::expression::tree::Expectation;

    fn defined(texts: &[(&str, &str)]) -> (Scope, Vec<(String, String)>) {
        let texts = texts
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        let mut scope = Scope::default();
        let failed = define(&texts, &mut scope);
        (scope, failed)
    }

    fn failures(texts: &[(&str, &str)]) -> String {
        let (_, failed) = defined(texts);
        let lines = failed
            .iter()
            .map(|(name, problem)| format!("{name}: {problem}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn constants_may_use_each_other_in_any_order_and_keep_their_unit() {
        let (scope, failed) = defined(&[("a", "b * 2"), ("b", "work.bytes - 4KiB"), ("c", "3")]);
        assert_eq!(failed, []);
        assert!(Expectation::parse("copied_to_user_bytes <= a - c", &scope).is_ok());
        let error = Expectation::parse("faults == a", &scope).unwrap_err();
        assert!(error.problem.contains("a (bytes)"), "{error}");
    }

    #[test]
    fn a_cycle_is_refused_with_its_path() {
        let failures = failures(&[("a", "b + 1"), ("b", "c"), ("c", "a")]);
        assert!(
            failures.contains("a: it is defined by itself: a -> b -> c -> a"),
            "{failures}"
        );
    }

    #[test]
    fn a_row_of_constants_that_is_too_long_is_refused() {
        let names: Vec<String> = (0..200).map(|number| format!("a{number:03}")).collect();
        let uses = names.windows(2).map(|pair| (&*pair[0], &*pair[1]));
        let texts: Vec<(&str, &str)> = uses.chain([("a199", "1")]).collect();
        assert!(failures(&texts).contains("more than 64 constants use each other"));
    }

    #[test]
    fn unknown_names_and_names_that_are_taken_are_refused() {
        for (texts, problem) in [
            ([("a", "falts")], "column 1: nothing is called falts"),
            ([("faults", "3")], "faults means something else already"),
            ([("max", "3")], "max means something else already"),
            ([("work", "3")], "work means something else already"),
            ([("a-b", "3")], "small letters"),
            ([("a", "1 +")], "column 4: expected a name"),
        ] {
            let failures = failures(&texts);
            assert!(failures.contains(problem), "{failures}");
        }
    }

    #[test]
    fn a_misspelt_constant_gets_the_nearest_one_and_a_wrong_one_is_named_where_it_is_used() {
        let failures = failures(&[
            ("half", "whle / 2"),
            ("quarter", "half / 2"),
            ("whole", "8"),
        ]);
        assert!(
            failures.contains("nothing is called whle; did you mean whole?"),
            "{failures}"
        );
        assert!(
            failures.contains("column 1: it uses half, which is wrong in [let]"),
            "{failures}"
        );
    }

    #[test]
    fn constants_that_double_without_end_are_refused() {
        let names: Vec<String> = (0..40).map(|number| format!("a{number:02}")).collect();
        let texts: Vec<(&str, String)> = names
            .windows(2)
            .map(|pair| (pair[0].as_str(), format!("{} + {}", pair[1], pair[1])))
            .chain([("a39", "1".to_owned())])
            .collect();
        let texts: Vec<(&str, &str)> = texts.iter().map(|(a, b)| (*a, b.as_str())).collect();
        assert!(failures(&texts).contains("too large"));
    }
}
