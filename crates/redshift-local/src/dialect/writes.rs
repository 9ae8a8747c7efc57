//! INSERT, UPDATE, DELETE and MERGE.

use std::collections::BTreeSet;

use sqlparser::ast::{
    AssignmentTarget, BinaryOperator, Expr, FromTable, MergeAction, MergeUpdateKind, Statement,
    TableFactor, TableObject,
};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::command::Command;
use super::names::TableName;
use super::parser::Redshift;
use super::query::prepare;
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

pub(super) fn write(tokens: &mut Tokens, reading: Reading) -> Result<Command, SqlError> {
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
            let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) =
                &delete.from;
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

pub(super) fn merge(tokens: &mut Tokens, reading: Reading) -> Result<Command, SqlError> {
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
