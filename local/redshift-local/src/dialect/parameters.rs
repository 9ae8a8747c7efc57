//! Named parameters: `:name` is a value, never an identifier.

use std::collections::BTreeSet;

use sqlparser::tokenizer::Token;

use super::tokens::Tokens;
use crate::engine::SqlError;

/// One named parameter of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A `:name`, and how many words it takes.
fn placeholder(words: &[Token]) -> Option<(String, usize)> {
    match (words.first()?, words.get(1)) {
        (Token::Colon, Some(Token::Word(word))) => Some((word.value.clone(), 2)),
        // `:1` reads as a colon and a number.
        (Token::Colon, Some(Token::Number(digits, _))) => Some((digits.clone(), 2)),
        (Token::Placeholder(text), _) => Some((text.strip_prefix(':')?.to_lowercase(), 1)),
        _ => None,
    }
}

/// The names that a statement uses, in lower case.
pub(crate) fn names(tokens: &Tokens) -> BTreeSet<String> {
    let all = tokens.all();
    (0..all.len()).filter_map(|start| Some(placeholder(&all[start..])?.0)).collect()
}

/// Puts the values in place of `:name`, as strings.
///
/// # Errors
/// A name that no parameter has, or a place where Redshift takes no parameter.
pub(crate) fn bind(tokens: &Tokens, parameters: &[Parameter]) -> Result<Tokens, SqlError> {
    let mut bound = Vec::new();
    let all = tokens.all();
    let mut position = 0;
    while let Some(token) = all.get(position) {
        let Some((name, width)) = placeholder(&all[position..]) else {
            bound.push(token.clone());
            position += 1;
            continue;
        };
        position += width;
        let found = parameters.iter().find(|parameter| parameter.name.to_lowercase() == name);
        let parameter = found.ok_or_else(|| SqlError::syntax(&format!(":{name}")))?;
        if takes_no_parameter(tokens, bound.last()) {
            return Err(SqlError::syntax("$1"));
        }
        bound.push(Token::SingleQuotedString(parameter.value.clone()));
    }
    Ok(Tokens::new(bound))
}

/// Table names follow these words, and COPY takes no parameter at all.
fn takes_no_parameter(tokens: &Tokens, before: Option<&Token>) -> bool {
    let copy = ["copy", "unload", "create", "alter", "drop"];
    let first = copy.iter().any(|word| tokens.is_at(0, word));
    let names = ["from", "join", "into", "table", "update", "schema"];
    let after = |word: &&str| before.is_some_and(|token| super::tokens::is_word(token, word));
    first || names.iter().any(after)
}
