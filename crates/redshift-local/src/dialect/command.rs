//! What a statement is, by its first words.

use sqlparser::tokenizer::Token;

use super::alter::AlterTable;
use super::copy_command::Copy;
use super::create_table::CreateTable;
use super::definitions::{alter, create, drop};
use super::maintenance::{analyze, comment, set, show, vacuum};
use super::names::TableName;
use super::query::Query;
use super::rewrite::Reading;
use super::tokens::Tokens;
use super::writes::{Merge, Write, merge, write};
use crate::engine::SqlError;

/// A statement that is understood.
#[derive(Debug)]
pub(crate) enum Command {
    Query(Query),
    Write(Write),
    Merge(Merge),
    Copy(Box<Copy>),
    CreateTable(Box<CreateTable>),
    AlterTable(AlterTable),
    CreateSchema {
        name: String,
        if_not_exists: bool,
    },
    DropSchema {
        names: Vec<String>,
        if_exists: bool,
        cascade: bool,
    },
    DropTable {
        names: Vec<TableName>,
        if_exists: bool,
        cascade: bool,
    },
    CreateView {
        name: TableName,
        replace: bool,
        columns: Vec<String>,
        late: bool,
        query: Query,
        text: String,
    },
    DropView {
        names: Vec<TableName>,
        if_exists: bool,
    },
    Truncate(TableName),
    Lock(Vec<TableName>),
    /// VACUUM: its table, if it names one.
    Vacuum(Option<TableName>),
    Analyze(Option<TableName>),
    AnalyzeCompression(TableName),
    Comment {
        table: TableName,
        column: Option<String>,
        text: Option<String>,
    },
    /// GRANT, REVOKE, CREATE USER and the like: accepted, they change nothing.
    Accepted(&'static str),
    Explain(Box<Command>),
    Set {
        name: String,
        value: String,
    },
    Show {
        name: String,
    },
    ShowTable(TableName),
    Begin,
    Commit,
    Rollback,
    CancelQuery(i64),
}

/// Reads one statement.
///
/// # Errors
/// What is not Redshift's, and what the local warehouse cannot do; both are named.
pub(crate) fn understand(tokens: &Tokens, reading: Reading) -> Result<Command, SqlError> {
    let mut tokens = tokens.clone();
    let command = command(&mut tokens, reading)?;
    tokens.expect_end()?;
    Ok(command)
}

fn command(tokens: &mut Tokens, reading: Reading) -> Result<Command, SqlError> {
    let first = match tokens.peek() {
        Token::Word(word) => word.value.clone(),
        Token::LParen => "select".to_owned(),
        _ => return Err(tokens.error()),
    };
    match first.as_str() {
        "select" | "with" | "values" => query(tokens, reading),
        "insert" | "update" | "delete" => write(tokens, reading),
        "merge" => merge(tokens, reading),
        "create" => create(tokens, reading),
        "drop" => drop(tokens),
        "alter" => alter(tokens),
        _ => {
            let start = tokens.clone();
            tokens.take();
            other(&first, tokens, reading, &start)
        }
    }
}

fn other(
    first: &str,
    tokens: &mut Tokens,
    reading: Reading,
    start: &Tokens,
) -> Result<Command, SqlError> {
    Ok(match first {
        "copy" => Command::Copy(Box::new(Copy::parse(tokens)?)),
        "truncate" => {
            tokens.take_if("table");
            Command::Truncate(TableName::parse(tokens)?)
        }
        "lock" => {
            tokens.take_if("table");
            let mut names = vec![TableName::parse(tokens)?];
            while tokens.take_token(&Token::Comma) {
                names.push(TableName::parse(tokens)?);
            }
            Command::Lock(names)
        }
        "vacuum" => vacuum(tokens)?,
        "analyze" | "analyse" => analyze(tokens)?,
        "comment" => comment(tokens)?,
        "grant" | "revoke" => accepted(tokens, "GRANT"),
        "explain" => {
            tokens.take_if("verbose");
            Command::Explain(Box::new(command(tokens, reading)?))
        }
        "set" | "reset" => set(first, tokens)?,
        "show" => show(tokens)?,
        "begin" | "start" => accept(tokens, Command::Begin),
        "commit" | "end" => accept(tokens, Command::Commit),
        "rollback" | "abort" => accept(tokens, Command::Rollback),
        "cancel" => {
            let process = tokens.integer()?;
            if matches!(tokens.peek(), Token::SingleQuotedString(_)) {
                tokens.take();
            }
            Command::CancelQuery(process)
        }
        "unload" | "call" | "prepare" | "execute" | "deallocate" | "declare" | "fetch"
        | "close" | "refresh" | "use" | "desc" | "describe" => {
            return Err(SqlError::unsupported(&first.to_uppercase()));
        }
        _ => return Err(start.error()),
    })
}

fn accept(tokens: &mut Tokens, command: Command) -> Command {
    tokens.skip_to_end();
    command
}

pub(super) fn accepted(tokens: &mut Tokens, what: &'static str) -> Command {
    accept(tokens, Command::Accepted(what))
}

fn query(tokens: &mut Tokens, reading: Reading) -> Result<Command, SqlError> {
    Ok(Command::Query(Query::parse(tokens, reading)?))
}
