//! Named parameters: `:name` stands for a value, never for an identifier.

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

/// Puts the values in place of `:name`, as strings; gives the names that were used.
///
/// # Errors
/// A name that no parameter has, or a place where Redshift takes no parameter.
pub(crate) fn bind(
    tokens: &Tokens,
    parameters: &[Parameter],
) -> Result<(Tokens, BTreeSet<String>), SqlError> {
    let mut bound = Vec::new();
    let mut used = BTreeSet::new();
    let all = tokens.all();
    let mut position = 0;
    while let Some(token) = all.get(position) {
        position += 1;
        let name = match (token, all.get(position)) {
            (Token::Colon, Some(Token::Word(word))) => word.value.clone(),
            // `:1` reads as a colon and a number.
            (Token::Colon, Some(Token::Number(digits, _))) => digits.clone(),
            (Token::Placeholder(text), _) if text.starts_with(':') => {
                position -= 1;
                text[1..].to_lowercase()
            }
            _ => {
                bound.push(token.clone());
                continue;
            }
        };
        position += 1;
        let found = parameters.iter().find(|parameter| parameter.name.to_lowercase() == name);
        let Some(parameter) = found else {
            return Err(SqlError::syntax(&format!(":{name}")));
        };
        used.insert(parameter.name.clone());
        if takes_no_parameter(tokens, bound.last()) {
            return Err(SqlError::syntax("$1"));
        }
        bound.push(Token::SingleQuotedString(parameter.value.clone()));
    }
    Ok((Tokens::new(bound), used))
}

/// Names of tables stand after these words, and COPY takes no parameter at all.
fn takes_no_parameter(tokens: &Tokens, before: Option<&Token>) -> bool {
    let copy = ["copy", "unload", "create", "alter", "drop"];
    let first = copy.iter().any(|word| tokens.is_at(0, word));
    let names = ["from", "join", "into", "table", "update", "schema"];
    let after = |word: &&str| before.is_some_and(|token| super::tokens::is_word(token, word));
    first || names.iter().any(after)
}
