//! What a statement is, by its first words.

use std::collections::BTreeSet;

use sqlparser::ast::{
    AssignmentTarget, MergeAction, MergeUpdateKind, Statement, TableFactor, TableObject};
use sqlparser::dialect::RedshiftSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::alter::AlterTable;
use super::copy_command::Copy;
use super::create_table::CreateTable;
use super::names::TableName;
use super::query::{Query, prepare, view_text};
use super::rewrite::{Reading, rewrite};
use super::tokens::{Tokens, parser_error, word};
use crate::engine::SqlError;

/// Which of the statements that write rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Insert,
    Update,
    Delete,
}

/// INSERT, UPDATE or DELETE.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) kind: Kind,
    pub(crate) target: TableName,
    /// The columns that an INSERT names.
    pub(crate) columns: Vec<String>,
    pub(crate) sql: String,
    pub(crate) relations: BTreeSet<TableName>,
}

/// MERGE, by Redshift's rules.
#[derive(Debug)]
pub(crate) struct Merge {
    pub(crate) target: TableName,
    pub(crate) source: TableName,
    /// `source AS alias`, in the engine's words.
    pub(crate) source_text: String,
    pub(crate) condition: String,
    /// The WHEN clauses; none for REMOVE DUPLICATES.
    pub(crate) clauses: Option<String>,
}

/// A statement that is understood.
#[derive(Debug)]
pub(crate) enum Command {
    Query(Query),
    Write(Write),
    Merge(Merge),
    Copy(Box<Copy>),
    CreateTable(Box<CreateTable>),
    AlterTable(AlterTable),
    CreateSchema { name: String, if_not_exists: bool },
    DropSchema { names: Vec<String>, if_exists: bool, cascade: bool },
    DropTable { names: Vec<TableName>, if_exists: bool, cascade: bool },
    CreateView { name: TableName, replace: bool, columns: Vec<String>, late: bool, query: Query, text: String },
    DropView { names: Vec<TableName>, if_exists: bool },
    Truncate(TableName),
    Lock(Vec<TableName>),
    /// VACUUM: its table, if it names one.
    Vacuum(Option<TableName>),
    Analyze(Option<TableName>),
    AnalyzeCompression(TableName),
    Comment { table: TableName, column: Option<String>, text: Option<String> },
    /// GRANT, REVOKE, CREATE USER and the like: accepted, they change nothing.
    Accepted(&'static str),
    Explain(Box<Command>),
    Set { name: String, value: String },
    Show { name: String },
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
        "unload" | "call" | "prepare" | "execute" | "deallocate" | "declare" | "fetch" | "close"
        | "refresh" | "use" | "desc" | "describe" => {
            return Err(SqlError::unsupported(&first.to_uppercase()));
        }
        _ => return Err(start.error()),
    })
}

fn accept(tokens: &mut Tokens, command: Command) -> Command {
    tokens.skip_to_end();
    command
}

fn accepted(tokens: &mut Tokens, what: &'static str) -> Command {
    accept(tokens, Command::Accepted(what))
}

fn query(tokens: &mut Tokens, reading: Reading) -> Result<Command, SqlError> {
    Ok(Command::Query(Query::parse(tokens, reading)?))
}

fn parse_statement(tokens: &mut Tokens) -> Result<Statement, SqlError> {
    let dialect = RedshiftSqlDialect {};
    let words = prepare(tokens.rest());
    tokens.skip_to_end();
    let mut parser = Parser::new(&dialect).with_tokens(words);
    let statement = parser.parse_statement().map_err(|error| parser_error(&error))?;
    match parser.peek_token().token {
        Token::EOF => Ok(statement),
        next => Err(SqlError::syntax(&next.to_string())),
    }
}

fn write(tokens: &mut Tokens, reading: Reading) -> Result<Command, SqlError> {
    if tokens.is("delete") && !tokens.is("delete from") {
        // FROM may be left out in Redshift.
        let mut words = tokens.rest().to_vec();
        words.insert(1, word("from"));
        tokens.skip_to_end();
        *tokens = Tokens::new(words);
    }
    let mut statement = parse_statement(tokens)?;
    let (kind, target, columns) = match &mut statement {
        Statement::Insert(insert) => {
            let TableObject::TableName(name) = &insert.table else {
                return Err(SqlError::syntax("("));
            };
            let columns = insert.columns.iter().map(|name| name.to_string()).collect();
            (Kind::Insert, TableName::from_object(name)?, columns)
        }
        Statement::Update(update) => {
            for assignment in &mut update.assignments {
                unqualified(&mut assignment.target)?;
            }
            (Kind::Update, table_of(&update.table.relation)?, Vec::new())
        }
        Statement::Delete(delete) => {
            let (sqlparser::ast::FromTable::WithFromKeyword(tables)
            | sqlparser::ast::FromTable::WithoutKeyword(tables)) = &delete.from;
            let target = tables.first().ok_or_else(|| SqlError::syntax("from"))?;
            (Kind::Delete, table_of(&target.relation)?, Vec::new())
        }
        _ => return Err(SqlError::syntax("")),
    };
    let found = rewrite(&mut statement, reading)?;
    let mut relations = found.relations;
    if kind == Kind::Insert {
        // The target is read only when the query names it too.
        let reads_itself = statement.to_string().matches(&target.engine()).count() > 1;
        if !reads_itself {
            relations.remove(&target);
        }
    }
    Ok(Command::Write(Write { kind, target, columns, sql: statement.to_string(), relations }))
}

fn table_of(factor: &TableFactor) -> Result<TableName, SqlError> {
    match factor {
        TableFactor::Table { name, .. } => TableName::from_object(name),
        other => Err(SqlError::syntax(&other.to_string())),
    }
}

/// `SET t.c = …` is refused by Redshift; `SET c = …` it is.
fn unqualified(target: &mut AssignmentTarget) -> Result<(), SqlError> {
    match target {
        AssignmentTarget::ColumnName(name) if name.0.len() == 1 => Ok(()),
        other => Err(SqlError::syntax(&other.to_string())),
    }
}

fn merge(tokens: &mut Tokens, reading: Reading) -> Result<Command, SqlError> {
    let mut words = tokens.rest().to_vec();
    let rest = Tokens::new(words.split_off(words.len().saturating_sub(2)));
    let simplified = rest.is("remove duplicates");
    words.extend_from_slice(if simplified { &[] } else { rest.all() });
    if simplified {
        // The parser wants a clause; any will do.
        words.extend(["when", "matched", "then", "delete"].map(word));
    }
    tokens.skip_to_end();
    let mut statement = parse_statement(&mut Tokens::new(words))?;
    let (target, source) = match &mut statement {
        Statement::Merge(merge) => {
            if !simplified {
                merge_clauses(merge)?;
            }
            (merge_target(&merge.table)?, merge_source(&merge.source)?)
        }
        _ => return Err(SqlError::syntax("merge")),
    };
    rewrite(&mut statement, reading)?;
    let Statement::Merge(merge) = statement else { return Err(SqlError::syntax("merge")) };
    let clauses: Vec<String> = merge.clauses.iter().map(ToString::to_string).collect();
    Ok(Command::Merge(Merge {
        target,
        source,
        source_text: merge.source.to_string(),
        condition: merge.on.to_string(),
        clauses: (!simplified).then(|| clauses.join(" ")),
    }))
}

fn merge_target(factor: &TableFactor) -> Result<TableName, SqlError> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. } => {
            Err(SqlError::syntax(&alias.name.to_string()))
        }
        factor => table_of(factor),
    }
}

fn merge_source(factor: &TableFactor) -> Result<TableName, SqlError> {
    match factor {
        TableFactor::Table { .. } => table_of(factor),
        _ => Err(SqlError::new("MERGE: source must be a table")),
    }
}

/// One branch for rows that match and one for those that do not, without further conditions.
fn merge_clauses(merge: &mut sqlparser::ast::Merge) -> Result<(), SqlError> {
    let mut matched = 0;
    let mut unmatched = 0;
    for clause in &mut merge.clauses {
        if clause.predicate.is_some() {
            return Err(SqlError::syntax("and"));
        }
        match &mut clause.action {
            MergeAction::Insert(_) => unmatched += 1,
            MergeAction::Update(update) => {
                matched += 1;
                let MergeUpdateKind::Set(assignments) = &mut update.kind else {
                    return Err(SqlError::syntax("*"));
                };
                for assignment in assignments {
                    unqualified(&mut assignment.target)?;
                }
            }
            MergeAction::Delete { .. } => matched += 1,
            other => return Err(SqlError::syntax(&other.to_string())),
        }
    }
    if (matched, unmatched) == (1, 1) {
        return Ok(());
    }
    Err(SqlError::new("MERGE requires one WHEN MATCHED and one WHEN NOT MATCHED clause"))
}

fn create(tokens: &mut Tokens, reading: Reading) -> Result<Command, SqlError> {
    tokens.expect("create")?;
    let replace = tokens.take_if("or replace");
    tokens.take_if("local");
    let temporary = tokens.take_if("temp") || tokens.take_if("temporary");
    if !replace && tokens.take_if("table") {
        let table = CreateTable::parse(tokens, temporary, reading)?;
        return Ok(Command::CreateTable(Box::new(table)));
    }
    if tokens.take_if("materialized view") {
        return Err(SqlError::unsupported("CREATE MATERIALIZED VIEW"));
    }
    if tokens.take_if("view") {
        return create_view(tokens, replace, reading);
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
    for (words, what) in [("user", "CREATE USER"), ("group", "CREATE GROUP"), ("role", "CREATE ROLE")] {
        if tokens.take_if(words) {
            return Ok(accepted(tokens, what));
        }
    }
    for what in ["external", "database", "function", "procedure", "library", "model", "datashare"] {
        if tokens.is(what) {
            return Err(SqlError::unsupported(&format!("CREATE {}", what.to_uppercase())));
        }
    }
    Err(tokens.error())
}

fn create_view(tokens: &mut Tokens, replace: bool, reading: Reading) -> Result<Command, SqlError> {
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
    let query = Query::parse(&mut definition, reading)?;
    if binding && query.relations.iter().any(|relation| relation.schema.is_none()) {
        return Err(SqlError::new(
            "All the relation names inside should be qualified when creating VIEW WITH NO SCHEMA BINDING.",
        ));
    }
    Ok(Command::CreateView { name, replace, columns, late: binding, query, text })
}

fn drop(tokens: &mut Tokens) -> Result<Command, SqlError> {
    tokens.expect("drop")?;
    let what = tokens.identifier()?;
    let if_exists = tokens.take_if("if exists");
    match what.as_str() {
        "table" | "view" => {
            let mut names = vec![TableName::parse(tokens)?];
            while tokens.take_token(&Token::Comma) {
                names.push(TableName::parse(tokens)?);
            }
            let cascade = behaviour(tokens);
            Ok(match what.as_str() {
                "table" => Command::DropTable { names, if_exists, cascade },
                _ => Command::DropView { names, if_exists },
            })
        }
        "schema" => {
            let mut names = vec![tokens.identifier()?];
            while tokens.take_token(&Token::Comma) {
                names.push(tokens.identifier()?);
            }
            let cascade = behaviour(tokens);
            Ok(Command::DropSchema { names, if_exists, cascade })
        }
        "user" | "group" | "role" => Ok(accepted(tokens, "DROP USER")),
        "materialized" | "database" | "function" | "procedure" | "library" | "model" => {
            Err(SqlError::unsupported(&format!("DROP {}", what.to_uppercase())))
        }
        _ => Err(SqlError::syntax(&what)),
    }
}

/// CASCADE or RESTRICT; whether it is CASCADE.
fn behaviour(tokens: &mut Tokens) -> bool {
    let cascade = tokens.take_if("cascade");
    if !cascade {
        tokens.take_if("restrict");
    }
    cascade
}

fn alter(tokens: &mut Tokens) -> Result<Command, SqlError> {
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
    for what in ["user", "group", "role", "default"] {
        if tokens.is(what) {
            return Ok(accepted(tokens, "ALTER USER"));
        }
    }
    Err(tokens.error())
}

fn vacuum(tokens: &mut Tokens) -> Result<Command, SqlError> {
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

fn analyze(tokens: &mut Tokens) -> Result<Command, SqlError> {
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

fn comment(tokens: &mut Tokens) -> Result<Command, SqlError> {
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

fn set(first: &str, tokens: &mut Tokens) -> Result<Command, SqlError> {
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

fn show(tokens: &mut Tokens) -> Result<Command, SqlError> {
    if tokens.take_if("table") {
        return Ok(Command::ShowTable(TableName::parse(tokens)?));
    }
    for (words, sql) in [
        ("schemas", "select database_name, schema_name, schema_owner, schema_type from svv_all_schemas"),
        ("databases", "select database_name, database_owner, database_type from svv_redshift_databases"),
    ] {
        if tokens.take_if(words) {
            tokens.skip_to_end();
            let sql = format!("select * from ({sql}) as shown");
            return Ok(Command::Query(Query { sql, relations: BTreeSet::new(), into: None }));
        }
    }
    Ok(Command::Show { name: tokens.identifier()? })
}
