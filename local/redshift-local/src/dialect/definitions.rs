//! CREATE, DROP and ALTER.

use sqlparser::tokenizer::Token;

use super::access;
use super::alter::AlterTable;
use super::command::{Command, accepted, access_or_accepted};
use super::create_table::CreateTable;
use super::names::TableName;
use super::query::{Query, view_text};
use super::tokens::Tokens;
use crate::engine::SqlError;

pub(super) fn create(tokens: &mut Tokens) -> Result<Command, SqlError> {
    tokens.expect("create")?;
    let replace = tokens.take_if("or replace");
    tokens.take_if("local");
    let temporary = tokens.take_if("temp") || tokens.take_if("temporary");
    if replace && tokens.is("table") {
        return Err(SqlError::unsupported("CREATE OR REPLACE TABLE"));
    }
    if tokens.take_if("table") {
        let table = CreateTable::parse(tokens, temporary)?;
        return Ok(Command::CreateTable(Box::new(table)));
    }
    if tokens.take_if("materialized view") {
        return Err(SqlError::unsupported("CREATE MATERIALIZED VIEW"));
    }
    if tokens.take_if("view") {
        return create_view(tokens, replace);
    }
    if replace || temporary {
        let what = if tokens.is("function") { "CREATE FUNCTION" } else { "CREATE PROCEDURE" };
        return Err(SqlError::unsupported(what));
    }
    if tokens.take_if("schema") {
        let if_not_exists = tokens.take_if("if not exists");
        let authorization_only = tokens.take_if("authorization");
        let name = tokens.identifier()?;
        if !authorization_only && tokens.take_if("authorization") {
            tokens.identifier()?;
        }
        if tokens.take_if("quota") && !tokens.take_if("unlimited") {
            tokens.integer()?;
            tokens.identifier()?;
        }
        return Ok(Command::CreateSchema { name, if_not_exists });
    }
    for kind in ["user", "group", "role"] {
        if tokens.take_if(kind) {
            return Ok(Command::Access(access::create(tokens, kind)?));
        }
    }
    for what in ["external", "database", "function", "procedure", "library", "model", "datashare"] {
        if tokens.is(what) {
            return Err(SqlError::unsupported(&format!("CREATE {}", what.to_uppercase())));
        }
    }
    Err(tokens.error())
}

fn create_view(tokens: &mut Tokens, replace: bool) -> Result<Command, SqlError> {
    let name = TableName::parse(tokens)?;
    let columns = match tokens.peek() {
        Token::LParen => tokens.identifiers_in_parentheses()?,
        _ => Vec::new(),
    };
    tokens.expect("as")?;
    let mut words = tokens.rest().to_vec();
    let late = Tokens::new(words.split_off(words.len().saturating_sub(4)));
    let binding = late.is("with no schema binding");
    if !binding {
        words.extend_from_slice(late.all());
    }
    tokens.skip_to_end();
    let mut definition = Tokens::new(words);
    let text = view_text(&definition);
    let query = Query::parse(&mut definition)?;
    if binding && query.relations.iter().any(|relation| relation.schema.is_none()) {
        return Err(SqlError::new(
            "All the relation names inside should be qualified when creating VIEW WITH NO SCHEMA BINDING.",
        ));
    }
    Ok(Command::CreateView { name, replace, columns, late: binding, query, text })
}

pub(super) fn drop(tokens: &mut Tokens) -> Result<Command, SqlError> {
    tokens.expect("drop")?;
    let what = tokens.identifier()?;
    let if_exists = tokens.take_if("if exists");
    match what.as_str() {
        "table" | "view" => {
            let names = tokens.list(TableName::parse)?;
            let cascade = tokens.cascades();
            Ok(match what.as_str() {
                "table" => Command::DropTable { names, if_exists, cascade },
                _ => Command::DropView { names, if_exists },
            })
        }
        "schema" => {
            let names = tokens.list(Tokens::identifier)?;
            Ok(Command::DropSchema { names, if_exists, cascade: tokens.cascades() })
        }
        kind @ ("user" | "group" | "role") => {
            Ok(Command::Access(access::drop(tokens, kind, if_exists)?))
        }
        "materialized" | "database" | "function" | "procedure" | "library" | "model" => {
            Err(SqlError::unsupported(&format!("DROP {}", what.to_uppercase())))
        }
        _ => Err(SqlError::syntax(&what)),
    }
}

pub(super) fn alter(tokens: &mut Tokens) -> Result<Command, SqlError> {
    tokens.expect("alter")?;
    if tokens.take_if("table") {
        return Ok(Command::AlterTable(AlterTable::parse(tokens)?));
    }
    if tokens.take_if("schema") {
        tokens.identifier()?;
        if tokens.is("rename") {
            return Err(SqlError::unsupported("ALTER SCHEMA RENAME"));
        }
        return Ok(accepted(tokens, "ALTER SCHEMA"));
    }
    if tokens.take_if("default privileges") {
        let access = access::default_privileges(tokens)?;
        return Ok(access_or_accepted(access, "ALTER DEFAULT PRIVILEGES"));
    }
    if tokens.take_if("group") {
        return Ok(access_or_accepted(access::alter_group(tokens)?, "ALTER GROUP"));
    }
    for what in ["user", "role"] {
        if tokens.is(what) {
            return Ok(accepted(tokens, "ALTER USER"));
        }
    }
    Err(tokens.error())
}
