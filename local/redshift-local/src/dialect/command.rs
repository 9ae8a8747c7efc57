//! What a statement is, by its first words.

use std::collections::BTreeSet;

use sqlparser::tokenizer::Token;

use super::access::{Access, grant};
use super::alter::AlterTable;
use super::copy_command::Copy;
use super::create_table::{Body, CreateTable, Part};
use super::definitions::{alter, create, drop};
use super::maintenance::{Setting, analyze, comment, set, show, vacuum};
use super::names::TableName;
use super::query::Query;
use super::tokens::{Tokens, is_word};
use super::unload_command::Unload;
use super::writes::{Merge, Write, merge, write};
use crate::engine::SqlError;

/// A statement that is understood.
#[derive(Debug)]
pub(crate) enum Command {
    Query(Query),
    Write(Write),
    Merge(Merge),
    Copy(Box<Copy>),
    Unload(Box<Unload>),
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
    Comment {
        table: TableName,
        column: Option<String>,
        text: Option<String>,
    },
    /// GRANT, REVOKE, CREATE USER and the like.
    Access(Access),
    /// Grants on functions, comments on schemas and the like: accepted, they change nothing.
    Accepted(&'static str),
    Set(Setting),
    Show {
        name: String,
    },
    Begin,
    Commit,
    Rollback,
    CancelQuery(i64),
    /// `SELECT pg_cancel_backend(pid)`, and the same that ends the session too.
    EndProcess {
        name: &'static str,
        process: i64,
        end: bool,
    },
}

impl Command {
    /// Visits the names of tables that may lack a schema; `true` with those that are made.
    pub(crate) fn name_tables(&mut self, visit: &mut dyn FnMut(&mut TableName, bool)) {
        let mut read = |relations: &mut BTreeSet<TableName>| {
            let named = std::mem::take(relations).into_iter().map(|mut name| {
                visit(&mut name, false);
                name
            });
            *relations = named.collect();
        };
        match self {
            Self::Query(query) => {
                read(&mut query.relations);
                if let Some((name, temporary)) = &mut query.into {
                    let made = !*temporary;
                    visit(name, made);
                }
            }
            Self::Unload(unload) => read(&mut unload.query.relations),
            Self::Write(write) => {
                read(&mut write.relations);
                visit(&mut write.target, false);
            }
            Self::Merge(merge) => {
                visit(&mut merge.target, false);
                visit(&mut merge.source, false);
            }
            Self::Copy(copy) => visit(&mut copy.table, false),
            Self::CreateTable(create) => {
                match &mut create.body {
                    Body::Query { query, .. } => read(&mut query.relations),
                    Body::Columns(parts) => {
                        for part in parts {
                            if let Part::Like { table, .. } = part {
                                visit(table, false);
                            }
                        }
                    }
                }
                if !create.temporary {
                    visit(&mut create.name, true);
                }
                for table in &mut create.attributes.references {
                    visit(table, false);
                }
            }
            Self::AlterTable(alter) => {
                visit(&mut alter.name, false);
            }
            Self::DropTable { names, .. } | Self::DropView { names, .. } | Self::Lock(names) => {
                names.iter_mut().for_each(|name| visit(name, false));
            }
            Self::Truncate(table)
            | Self::Vacuum(Some(table))
            | Self::Analyze(Some(table))
            | Self::Comment { table, .. } => visit(table, false),
            _ => {}
        }
    }
}

/// Reads one statement.
///
/// # Errors
/// What is not Redshift's, and what the local warehouse cannot do; both are named.
pub(crate) fn understand(tokens: &Tokens) -> Result<Command, SqlError> {
    let mut tokens = tokens.clone();
    let command = command(&mut tokens)?;
    tokens.expect_end()?;
    Ok(command)
}

fn command(tokens: &mut Tokens) -> Result<Command, SqlError> {
    let first = match tokens.peek() {
        Token::Word(word) => word.value.clone(),
        Token::LParen => "select".to_owned(),
        _ => return Err(tokens.error()),
    };
    match first.as_str() {
        "select" if ends_process(tokens).is_some() => end_process(tokens),
        "select" | "with" | "values" => query(tokens),
        "insert" | "update" | "delete" => write(tokens),
        "merge" => merge(tokens),
        "create" => create(tokens),
        "drop" => drop(tokens),
        "alter" => alter(tokens),
        _ => {
            let start = tokens.clone();
            tokens.take();
            other(&first, tokens, &start)
        }
    }
}

fn other(first: &str, tokens: &mut Tokens, start: &Tokens) -> Result<Command, SqlError> {
    Ok(match first {
        "copy" => Command::Copy(Box::new(Copy::parse(tokens)?)),
        "unload" => Command::Unload(Box::new(Unload::parse(tokens)?)),
        "truncate" => {
            tokens.take_if("table");
            Command::Truncate(TableName::parse(tokens)?)
        }
        "lock" => {
            tokens.take_if("table");
            Command::Lock(tokens.list(TableName::parse)?)
        }
        "vacuum" => vacuum(tokens)?,
        "analyze" | "analyse" => analyze(tokens)?,
        "comment" => comment(tokens)?,
        "grant" | "revoke" => access_or_accepted(grant(tokens, first == "revoke")?, "GRANT"),
        "set" | "reset" => set(first, tokens)?,
        "show" => show(tokens)?,
        "begin" | "start" => begin(first, tokens)?,
        "commit" | "end" => ending(tokens, Command::Commit),
        "rollback" | "abort" => ending(tokens, Command::Rollback),
        "cancel" => {
            let process = tokens.integer()?;
            if matches!(tokens.peek(), Token::SingleQuotedString(_)) {
                tokens.take();
            }
            Command::CancelQuery(process)
        }
        "call" | "prepare" | "execute" | "deallocate" | "declare" | "fetch" | "close"
        | "explain" | "refresh" | "use" | "desc" | "describe" => {
            return Err(SqlError::unsupported(&first.to_uppercase()));
        }
        _ => return Err(start.error()),
    })
}

/// `BEGIN [WORK | TRANSACTION] [ISOLATION LEVEL …] [READ WRITE]`: all levels are one.
fn begin(first: &str, tokens: &mut Tokens) -> Result<Command, SqlError> {
    if first == "start" {
        tokens.expect("transaction")?;
    } else {
        let _ = tokens.take_if("work") || tokens.take_if("transaction");
    }
    if tokens.take_if("isolation level") {
        let levels =
            ["serializable", "read uncommitted", "read committed", "repeatable read", "snapshot"];
        if !levels.iter().any(|level| tokens.take_if(level)) {
            return Err(tokens.error());
        }
    }
    if tokens.take_if("read only") {
        return Err(SqlError::unsupported("BEGIN READ ONLY"));
    }
    tokens.take_if("read write");
    Ok(Command::Begin)
}

fn ending(tokens: &mut Tokens, command: Command) -> Command {
    let _ = tokens.take_if("work") || tokens.take_if("transaction");
    command
}

/// The function and whether it ends the session too, when the statement calls one that does either.
fn ends_process(tokens: &Tokens) -> Option<(&'static str, bool)> {
    [("pg_cancel_backend", false), ("pg_terminate_backend", true)]
        .into_iter()
        .find(|(name, _)| tokens.all().iter().any(|token| is_word(token, name)))
}

fn end_process(tokens: &mut Tokens) -> Result<Command, SqlError> {
    let Some((name, end)) = ends_process(tokens) else { return Err(tokens.error()) };
    let simple = tokens.take_if(&format!("select {name}")) && tokens.take_token(&Token::LParen);
    let process = if simple { tokens.integer().ok() } else { None };
    let Some(process) = process.filter(|_| tokens.take_token(&Token::RParen)) else {
        let what = format!("{} of anything but one number", name.to_uppercase());
        return Err(SqlError::unsupported(&what));
    };
    Ok(Command::EndProcess { name, process, end })
}

fn accept(tokens: &mut Tokens, command: Command) -> Command {
    tokens.skip_to_end();
    command
}

pub(super) fn access_or_accepted(access: Option<Access>, what: &'static str) -> Command {
    access.map_or(Command::Accepted(what), Command::Access)
}

pub(super) fn accepted(tokens: &mut Tokens, what: &'static str) -> Command {
    accept(tokens, Command::Accepted(what))
}

fn query(tokens: &mut Tokens) -> Result<Command, SqlError> {
    Ok(Command::Query(Query::parse(tokens)?))
}
