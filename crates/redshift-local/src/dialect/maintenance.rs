//! VACUUM, ANALYZE, COMMENT, SET and SHOW.

use std::collections::BTreeSet;

use sqlparser::tokenizer::Token;

use super::command::{Command, accepted};
use super::names::TableName;
use super::query::Query;
use super::tokens::Tokens;
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
    if tokens.take_if("compression") {
        let table = TableName::parse(tokens)?;
        if tokens.peek() == &Token::LParen {
            tokens.identifiers_in_parentheses()?;
        }
        if tokens.take_if("comprows") {
            tokens.integer()?;
        }
        return Ok(Command::AnalyzeCompression(table));
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

pub(super) fn set(first: &str, tokens: &mut Tokens) -> Result<Command, SqlError> {
    let _ = tokens.take_if("session") || tokens.take_if("local");
    let name = tokens.identifier()?;
    if first == "reset" {
        return Ok(Command::Set { name, value: "default".to_owned() });
    }
    if name == "authorization" || name == "transaction" {
        return Ok(accepted(tokens, "SET"));
    }
    if !tokens.take_if("to") {
        tokens.expect_token(&Token::Eq)?;
    }
    let value = tokens.rest().iter().map(|token| match token {
        Token::SingleQuotedString(text) => text.clone(),
        token => token.to_string(),
    });
    let value = value.collect::<Vec<_>>().join(" ");
    tokens.skip_to_end();
    if value.is_empty() {
        return Err(SqlError::syntax(""));
    }
    Ok(Command::Set { name, value })
}

pub(super) fn show(tokens: &mut Tokens) -> Result<Command, SqlError> {
    if tokens.take_if("table") {
        return Ok(Command::ShowTable(TableName::parse(tokens)?));
    }
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
            let sql = format!("select * from ({sql}) as shown");
            return Ok(Command::Query(Query { sql, relations: BTreeSet::new(), into: None }));
        }
    }
    Ok(Command::Show { name: tokens.identifier()? })
}
