//! Queries: parsed, rewritten, printed for the engine.

use std::collections::BTreeSet;

use super::parser::Redshift;
use sqlparser::ast::{Expr, Query as Parsed, Select, SetExpr};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::names::TableName;
use super::rewrite::{Reading, rewrite};
use super::tokens::{Tokens, is_word, parser_error, word};
use crate::engine::SqlError;

/// A query for the engine.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// The engine's text.
    pub(crate) sql: String,
    /// Tables and views that it reads.
    pub(crate) relations: BTreeSet<TableName>,
    /// `SELECT … INTO [TEMP] name`.
    pub(crate) into: Option<(TableName, bool)>,
}

impl Query {
    /// Reads a query up to the end of the statement.
    pub(crate) fn parse(tokens: &mut Tokens, reading: Reading) -> Result<Self, SqlError> {
        let dialect = Redshift;
        let words = prepare(tokens.rest());
        tokens.skip_to_end();
        let mut parser = Parser::new(&dialect).with_tokens(words);
        let mut query = parser.parse_query().map_err(|error| parser_error(&error))?;
        let next = parser.peek_token().token;
        if next != Token::EOF {
            return Err(SqlError::syntax(&next.to_string()));
        }
        let into = take_into(&mut query)?;
        let found = rewrite(&mut *query, reading)?;
        leader_only(&found)?;
        Ok(Self { sql: query.to_string(), relations: found.relations, into })
    }
}

fn leader_only(found: &super::rewrite::Found) -> Result<(), SqlError> {
    if found.leader_only && !found.relations.is_empty() {
        return Err(SqlError::new(
            "Specified types or functions (one per INFO message) not supported on Redshift tables.",
        ));
    }
    Ok(())
}

/// Words that the parser does not know, in words that it knows.
pub(crate) fn prepare(words: &[Token]) -> Vec<Token> {
    let mut prepared = Vec::with_capacity(words.len());
    for (position, token) in words.iter().enumerate() {
        let next = words.get(position + 1);
        let follows = |name: &str| next.is_some_and(|next| is_word(next, name));
        if is_word(token, "approximate") && (follows("count") || follows("percentile_disc")) {
            continue;
        }
        if is_word(token, "minus") && (follows("select") || next == Some(&Token::LParen)) {
            prepared.push(word("except"));
            continue;
        }
        prepared.push(token.clone());
    }
    prepared
}

fn take_into(query: &mut Parsed) -> Result<Option<(TableName, bool)>, SqlError> {
    let Some(select) = first_select(&mut query.body) else { return Ok(None) };
    let Some(into) = select.into.take() else { return Ok(None) };
    let text = match into.targets.as_slice() {
        [target @ (Expr::Identifier(_) | Expr::CompoundIdentifier(_))] => target.to_string(),
        _ => return Err(SqlError::syntax("into")),
    };
    let mut found = super::tokens::statements(&text)?;
    let tokens = found.first_mut().ok_or_else(|| SqlError::syntax("into"))?;
    let name = TableName::parse(tokens)?;
    let temporary = into.temporary || name.name.starts_with('#');
    Ok(Some((name, temporary)))
}

fn first_select(body: &mut SetExpr) -> Option<&mut Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}

/// The words of a view's definition, as they were written.
pub(crate) fn view_text(tokens: &Tokens) -> String {
    tokens.rest().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
