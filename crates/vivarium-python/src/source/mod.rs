//! `$name` in scripts (Strategy contract 10.1): tokens become identifiers, values travel as data beside the text.

mod lexer;
mod names;

use std::collections::HashMap;

use serde_json::{Map, Value};
use vivarium_domain::evaluation::BoundVariable;

use lexer::Token;

/// A script ready for Python.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prepared {
    /// What is compiled: as many lines and, nearly always, the same columns as the original.
    pub(crate) source: String,
    /// What tracebacks show, where it differs from what is compiled.
    pub(crate) shown: Option<String>,
    /// Values by the identifiers that stand for the variables.
    pub(crate) values: Map<String, Value>,
    /// Line and name of each `$name` in code that no variable has.
    pub(crate) undeclared: Vec<(usize, String)>,
}

/// Why a script cannot run with its variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SourceError {
    /// A variable stands where something is assigned to.
    #[error("SyntaxError: cannot assign to variable `${name}`; hint: use `==` to compare (line {line})")]
    Assignment {
        /// Without the `$`.
        name: String,
        /// Counted from 1.
        line: usize,
    },
}

/// Replaces the tokens of declared variables wherever Python expects code, for Python 3.`minor`.
/// Text in literals and comments stays, and so do tokens that nobody declared.
pub(crate) fn prepare(source: &str, variables: &[BoundVariable], minor: u16) -> Result<Prepared, SourceError> {
    let source = normalised(source);
    let tokens = lexer::tokens(&source, minor);
    if tokens.is_empty() {
        return Ok(Prepared { source, shown: None, values: Map::new(), undeclared: Vec::new() });
    }
    let words = names::words(&source);
    let hidden = |variable: &BoundVariable| (variable.name.clone(), names::hidden(&variable.name, &words));
    let hidden: HashMap<String, String> = variables.iter().map(hidden).collect();
    let (declared, undeclared): (Vec<_>, Vec<_>) =
        tokens.into_iter().partition(|token| hidden.contains_key(token.name));
    if let Some(Token { name, line, .. }) = declared.iter().find(|token| token.is_target) {
        return Err(SourceError::Assignment { name: (*name).to_owned(), line: *line });
    }
    let undeclared = undeclared.iter().map(|token| (token.line, token.name.to_owned())).collect();
    let replaced = replace(&source, &declared, &hidden);
    let values = variables.iter().map(|variable| (hidden[&variable.name].clone(), variable.value.clone())).collect();
    Ok(Prepared { source: replaced, shown: Some(source), values, undeclared })
}

/// What Python does to a file before it reads it: no byte order mark, one kind of line end.
fn normalised(source: &str) -> String {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    if source.contains('\r') { source.replace("\r\n", "\n").replace('\r', "\n") } else { source.to_owned() }
}

fn replace(source: &str, tokens: &[Token<'_>], hidden: &HashMap<String, String>) -> String {
    let mut text = String::with_capacity(source.len());
    let mut copied = 0;
    for token in tokens {
        text.push_str(&source[copied..token.start]);
        text.push_str(&hidden[token.name]);
        copied = token.start + 1 + token.name.len();
    }
    text.push_str(&source[copied..]);
    text
}

#[cfg(test)]
mod tests;
