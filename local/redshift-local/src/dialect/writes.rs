//! INSERT, UPDATE, DELETE and MERGE.

use std::collections::BTreeSet;

use sqlparser::ast::{
    AssignmentTarget, BinaryOperator, Expr, FromTable, MergeAction, MergeUpdateKind, Statement,
    TableFactor, TableObject,
};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::bind::{self, Catalog};
use super::command::Command;
use super::names::TableName;
use super::parser::Redshift;
use super::query::prepare;
use super::rewrite::rewrite;
use super::tokens::{Tokens, is_word, parser_error, word};
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
    /// The columns that an INSERT or an UPDATE names.
    pub(crate) columns: Vec<String>,
    statement: Box<Statement>,
    pub(crate) relations: BTreeSet<TableName>,
}

/// MERGE, by Redshift's rules.
#[derive(Debug)]
pub(crate) struct Merge {
    pub(crate) target: TableName,
    pub(crate) source: TableName,
    statement: Box<Statement>,
    /// REMOVE DUPLICATES has no clauses.
    simplified: bool,
}

/// MERGE in the engine's words.
#[derive(Debug)]
pub(crate) struct BoundMerge {
    /// `source AS alias`.
    pub(crate) source_text: String,
    pub(crate) condition: String,
    /// The WHEN clauses; none for REMOVE DUPLICATES.
    pub(crate) clauses: Option<String>,
}

fn parse_statement(tokens: &mut Tokens) -> Result<Statement, SqlError> {
    let dialect = Redshift;
    let words = prepare(tokens.rest());
    tokens.skip_to_end();
    let mut parser = Parser::new(&dialect).with_tokens(words);
    let statement = parser.parse_statement().map_err(|error| parser_error(&error))?;
    match parser.peek_token().token {
        Token::EOF => Ok(statement),
        next => Err(SqlError::syntax(&next.to_string())),
    }
}

pub(super) fn write(tokens: &mut Tokens) -> Result<Command, SqlError> {
    if tokens.is("delete") && !tokens.is("delete from") {
        // FROM may be left out in Redshift.
        let mut words = tokens.rest().to_vec();
        words.insert(1, word("from"));
        tokens.skip_to_end();
        *tokens = Tokens::new(words);
    }
    if tokens.is("insert into") {
        unwrap_query(tokens);
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
            let columns = update.assignments.iter().map(|to| to.target.to_string()).collect();
            (Kind::Update, table_of(&update.table.relation)?, columns)
        }
        Statement::Delete(delete) => {
            let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) =
                &delete.from;
            let target = tables.first().ok_or_else(|| SqlError::syntax("from"))?;
            (Kind::Delete, table_of(&target.relation)?, Vec::new())
        }
        _ => return Err(SqlError::syntax("")),
    };
    let mut rewritten = statement.clone();
    let found = rewrite(&mut rewritten)?;
    let mut relations = found.relations;
    if kind == Kind::Insert {
        // The target is read only when the query names it too.
        let reads_itself = rewritten.to_string().matches(&target.engine()).count() > 1;
        if !reads_itself {
            relations.remove(&target);
        }
    }
    Ok(Command::Write(Write { kind, target, columns, statement: Box::new(statement), relations }))
}

/// `INSERT INTO t (WITH … SELECT …)` is the same without the parentheses.
fn unwrap_query(tokens: &mut Tokens) {
    let mut words = tokens.rest().to_vec();
    let opens = words.iter().position(|word| *word == Token::LParen);
    let Some(at) = opens.filter(|_| words.last() == Some(&Token::RParen)) else { return };
    if words.get(at + 1).is_some_and(|next| is_word(next, "with") || is_word(next, "select")) {
        words.pop();
        words.remove(at);
        *tokens = Tokens::new(words);
    }
}

impl Write {
    /// The statement for the engine, by what the catalog says of its relations.
    pub(crate) fn bind(&self, catalog: &dyn Catalog) -> Result<String, SqlError> {
        let mut statement = self.statement.as_ref().clone();
        bind::statement(&mut statement, catalog)?;
        rewrite(&mut statement)?;
        Ok(statement.to_string())
    }
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

pub(super) fn merge(tokens: &mut Tokens) -> Result<Command, SqlError> {
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
            check_match(merge)?;
            if !simplified {
                merge_clauses(merge)?;
            }
            (merge_target(&merge.table)?, merge_source(&merge.source)?)
        }
        _ => return Err(SqlError::syntax("merge")),
    };
    Ok(Command::Merge(Merge { target, source, statement: Box::new(statement), simplified }))
}

impl Merge {
    /// The statement for the engine, by what the catalog says of its relations.
    pub(crate) fn bind(&self, catalog: &dyn Catalog) -> Result<BoundMerge, SqlError> {
        let mut statement = self.statement.as_ref().clone();
        bind::statement(&mut statement, catalog)?;
        rewrite(&mut statement)?;
        let Statement::Merge(merge) = statement else { return Err(SqlError::syntax("merge")) };
        let clauses: Vec<String> = merge.clauses.iter().map(ToString::to_string).collect();
        Ok(BoundMerge {
            source_text: merge.source.to_string(),
            condition: merge.on.to_string(),
            clauses: (!self.simplified).then(|| clauses.join(" ")),
        })
    }
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

/// Another table than the target, matched by equalities.
fn check_match(merge: &sqlparser::ast::Merge) -> Result<(), SqlError> {
    if merge_target(&merge.table)? == merge_source(&merge.source)? {
        return Err(SqlError::new("MERGE: source and target must not be the same table"));
    }
    if !is_equality(&merge.on) {
        return Err(SqlError::new(format!(
            "MERGE: the match condition must be made of equalities: {}",
            merge.on
        )));
    }
    Ok(())
}

fn is_equality(condition: &Expr) -> bool {
    match condition {
        Expr::Nested(inside) => is_equality(inside),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            is_equality(left) && is_equality(right)
        }
        Expr::BinaryOp { op: BinaryOperator::Eq, .. } => true,
        _ => false,
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
