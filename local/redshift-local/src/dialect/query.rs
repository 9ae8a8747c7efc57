//! Queries: parsed, rewritten, printed for the engine.

use std::collections::BTreeSet;

use super::parser::Redshift;
use sqlparser::ast::{Expr, Query as Parsed, Select, SetExpr};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::bind::{self, Catalog, Field};
use super::names::{TableName, quoted};
use super::rewrite::rewrite;
use super::tokens::{Tokens, is_word, parser_error, word};
use super::types::ColumnType;
use crate::engine::SqlError;

/// A query.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    tree: Box<Parsed>,
    /// Tables and views that it reads.
    pub(crate) relations: BTreeSet<TableName>,
    /// `SELECT … INTO [TEMP] name`.
    pub(crate) into: Option<(TableName, bool)>,
}

/// A query in the engine's words.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) sql: String,
    /// The columns that it gives, if they are known.
    pub(crate) fields: Option<Vec<Field>>,
}

impl Bound {
    /// The query for a result: the engine's results lose the zone of a time of the day.
    pub(crate) fn shown(&self) -> String {
        let zoned = self.fields.iter().flatten();
        let zoned = zoned.filter(|field| field.kind == Some(ColumnType::TimeTz));
        let shown: Vec<String> = zoned
            .map(|field| format!("CAST({0} AS VARCHAR) AS {0}", quoted(&field.name)))
            .collect();
        match shown.is_empty() {
            true => self.sql.clone(),
            false => format!("SELECT * REPLACE ({}) FROM ({})", shown.join(", "), self.sql),
        }
    }
}

impl Query {
    /// Reads a query up to the end of the statement.
    pub(crate) fn parse(tokens: &mut Tokens) -> Result<Self, SqlError> {
        let dialect = Redshift;
        let words = prepare(tokens.rest());
        tokens.skip_to_end();
        let mark = [Token::LParen, Token::Plus, Token::RParen];
        if words.windows(mark.len()).any(|three| three == mark) {
            return Err(SqlError::unsupported("the outer join mark (+)"));
        }
        let mut parser = Parser::new(&dialect).with_tokens(words);
        let mut query = parser.parse_query().map_err(|error| parser_error(&error))?;
        let next = parser.peek_token().token;
        if next != Token::EOF {
            return Err(SqlError::syntax(&next.to_string()));
        }
        let into = take_into(&mut query)?;
        let found = rewrite(&mut *query.clone())?;
        leader_only(&found)?;
        Ok(Self { tree: query, relations: found.relations, into })
    }

    /// Whether the outermost select limits its rows.
    pub(crate) fn is_limited(&self) -> bool {
        fn limits(query: &Parsed) -> bool {
            query.limit_clause.is_some()
                || query.fetch.is_some()
                || match query.body.as_ref() {
                    SetExpr::Select(select) => select.top.is_some(),
                    SetExpr::Query(inner) => limits(inner),
                    _ => false,
                }
        }
        limits(&self.tree)
    }

    /// The query for the engine, by what the catalog says of its relations.
    pub(crate) fn bind(&self, catalog: &dyn Catalog) -> Result<Bound, SqlError> {
        let mut tree = self.tree.clone();
        let fields = bind::query(&mut tree, catalog)?;
        rewrite(&mut *tree)?;
        Ok(Bound { sql: tree.to_string(), fields })
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
        let side = ["both", "leading", "trailing"].iter().any(|side| is_word(token, side));
        if side && follows("from") {
            prepared.push(Token::SingleQuotedString(" ".to_owned()));
        }
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
