//! VACUUM, ANALYZE, COMMENT, SET and SHOW.

use sqlparser::tokenizer::Token;

use super::access::Access;
use super::command::{Command, accepted};
use super::names::TableName;
use super::query::Query;
use super::tokens::{Tokens, statements};
use crate::engine::SqlError;

pub(super) fn vacuum(tokens: &mut Tokens) -> Result<Command, SqlError> {
    for words in ["full", "sort only", "delete only", "reindex", "recluster"] {
        if tokens.take_if(words) {
            break;
        }
    }
    let table = if tokens.at_end() { None } else { Some(TableName::parse(tokens)?) };
    if tokens.take_if("to") {
        tokens.integer()?;
        tokens.expect("percent")?;
    }
    tokens.take_if("boost");
    Ok(Command::Vacuum(table))
}

pub(super) fn analyze(tokens: &mut Tokens) -> Result<Command, SqlError> {
    if tokens.is("compression") {
        return Err(SqlError::unsupported("ANALYZE COMPRESSION"));
    }
    tokens.take_if("verbose");
    if tokens.at_end() || tokens.is("predicate columns") || tokens.is("all columns") {
        tokens.skip_to_end();
        return Ok(Command::Analyze(None));
    }
    let table = TableName::parse(tokens)?;
    if tokens.peek() == &Token::LParen {
        tokens.identifiers_in_parentheses()?;
    }
    let _ = tokens.take_if("predicate columns") || tokens.take_if("all columns");
    Ok(Command::Analyze(Some(table)))
}

pub(super) fn comment(tokens: &mut Tokens) -> Result<Command, SqlError> {
    tokens.expect("on")?;
    let what = tokens.identifier()?;
    let mut table = TableName::parse(tokens)?;
    let mut column = None;
    match what.as_str() {
        "column" => {
            column = Some(std::mem::take(&mut table.name));
            let name = table.schema.take().ok_or_else(|| tokens.error())?;
            table.name = name;
        }
        "table" | "view" => {}
        "schema" | "database" | "constraint" => {
            return Ok(accepted(tokens, "COMMENT"));
        }
        _ => return Err(SqlError::syntax(&what)),
    }
    tokens.expect("is")?;
    let text = if tokens.take_if("null") { None } else { Some(tokens.string()?) };
    Ok(Command::Comment { table, column, text })
}

/// SET and RESET.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The parameter, or a context variable `a.b`.
    pub(crate) name: String,
    /// Its values; none for the default.
    pub(crate) values: Vec<String>,
    /// For the transaction only.
    pub(crate) local: bool,
}

pub(super) fn set(first: &str, tokens: &mut Tokens) -> Result<Command, SqlError> {
    if tokens.take_if("session authorization") {
        let name = match first == "reset" || tokens.take_if("default") {
            true => None,
            false => Some(match tokens.peek() {
                Token::SingleQuotedString(_) => tokens.string()?.to_lowercase(),
                _ => tokens.identifier()?,
            }),
        };
        return Ok(Command::Access(Access::Become(name)));
    }
    let local = tokens.take_if("local");
    let _ = !local && tokens.take_if("session");
    for words in ["authorization", "transaction", "characteristics", "seed"] {
        if tokens.is(words) {
            return Err(SqlError::unsupported(&format!("SET {}", words.to_uppercase())));
        }
    }
    let zone = tokens.take_if("time zone");
    let mut name = if zone { "timezone".to_owned() } else { tokens.identifier()? };
    if tokens.take_token(&Token::Period) {
        name = format!("{name}.{}", tokens.identifier()?);
    }
    let mut values = Vec::new();
    if first == "set" {
        if !zone && !tokens.take_if("to") {
            tokens.expect_token(&Token::Eq)?;
        }
        if !tokens.take_if("default") {
            values = tokens.list(setting_value)?;
        }
    }
    Ok(Command::Set(Setting { name, values, local }))
}

fn setting_value(tokens: &mut Tokens) -> Result<String, SqlError> {
    let sign = if tokens.take_token(&Token::Minus) { "-" } else { "" };
    match tokens.peek().clone() {
        Token::SingleQuotedString(text) if sign.is_empty() => {
            tokens.take();
            Ok(text)
        }
        Token::Word(word) if sign.is_empty() && word.value != "interval" => {
            tokens.take();
            Ok(word.value)
        }
        Token::Number(number, _) => {
            tokens.take();
            Ok(format!("{sign}{number}"))
        }
        _ => Err(tokens.error()),
    }
}

pub(super) fn show(tokens: &mut Tokens) -> Result<Command, SqlError> {
    for (words, sql) in [
        (
            "schemas",
            "select database_name, schema_name, schema_owner, schema_type from svv_all_schemas",
        ),
        (
            "databases",
            "select database_name, database_owner, database_type from svv_redshift_databases",
        ),
    ] {
        if tokens.take_if(words) {
            tokens.skip_to_end();
            let mut found = statements(sql)?;
            let query = found.first_mut().ok_or_else(|| SqlError::syntax(""))?;
            return Ok(Command::Query(Query::parse(query)?));
        }
    }
    for words in
        ["table", "tables", "columns", "grants", "view", "procedure", "external table", "model"]
    {
        if tokens.is(words) {
            return Err(SqlError::unsupported(&format!("SHOW {}", words.to_uppercase())));
        }
    }
    if tokens.take_if("time zone") {
        return Ok(Command::Show { name: "timezone".to_owned() });
    }
    let mut name = tokens.identifier()?;
    if tokens.take_token(&Token::Period) {
        name = format!("{name}.{}", tokens.identifier()?);
    }
    Ok(Command::Show { name })
}
