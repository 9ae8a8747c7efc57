//! INSERT, UPDATE, DELETE and MERGE: values become of their columns' types, and a target that FROM
//! names again is the same row.

use sqlparser::ast::{
    Assignment, AssignmentTarget, BinaryOperator, Delete, Expr, FromTable, Ident, Insert,
    JoinOperator, Merge, MergeAction, MergeInsertKind, MergeUpdateKind, ObjectName, SelectItem,
    SetExpr, Statement, TableFactor, TableObject, TableWithJoins, Update, UpdateTableFromKind,
    Value,
};

use super::build::{literal_text, wrap};
use super::expressions::prepare;
use super::kinds::Kind;
use super::scope::{Found, Scope};
use super::{Binder, Catalog, Field, Fields, syntax};
use crate::dialect::names::TableName;
use crate::dialect::types::ColumnType;
use crate::engine::SqlError;

/// Checks and types a statement that writes rows, in place.
pub(in crate::dialect) fn statement(
    statement: &mut Statement,
    catalog: &dyn Catalog,
) -> Result<(), SqlError> {
    let mut binder = Binder::new(catalog);
    match statement {
        Statement::Insert(insert) => binder.insert(insert),
        Statement::Update(update) => binder.update(update),
        Statement::Delete(delete) => binder.delete(delete),
        Statement::Merge(merge) => binder.merge(merge),
        _ => syntax(""),
    }
}

/// A default of a column: an expression over no relation.
pub(in crate::dialect) fn expression(expression: &mut Expr) -> Result<(), SqlError> {
    Binder::new(&super::Nothing).expression(expression).map(|_| ())
}

fn is_default(expression: &Expr) -> bool {
    matches!(expression, Expr::Identifier(ident) if ident.value == "default")
}

/// A value for a column of this type.
fn assign(expression: &mut Expr, kind: &Kind, target: Option<&ColumnType>) -> Result<(), SqlError> {
    let Some(target) = target else { return Ok(()) };
    if is_default(expression) {
        return Ok(());
    }
    if let (Some(text), ColumnType::Char { bytes_max } | ColumnType::Varchar { bytes_max }) =
        (literal_text(expression), target)
    {
        let cut = text.trim_end_matches(' ');
        let fits = cut.len() <= *bytes_max as usize;
        if matches!(target, ColumnType::Char { .. }) && !text.is_ascii() {
            return Err(SqlError::new("multibyte character not supported for CHAR"));
        }
        if matches!(target, ColumnType::Char { .. }) || text.len() > *bytes_max as usize && fits {
            *expression = Expr::value(Value::SingleQuotedString(cut.to_owned()));
        }
        return Ok(());
    }
    prepare(expression, kind, target)?;
    if matches!(target, ColumnType::Char { .. }) {
        wrap(expression, "rs_char_text");
    }
    Ok(())
}

fn name_of(target: &AssignmentTarget) -> String {
    match target {
        AssignmentTarget::ColumnName(name) => {
            let part = name.0.last().and_then(|part| part.as_ident());
            part.map(|ident| ident.value.clone()).unwrap_or_default()
        }
        AssignmentTarget::Tuple(_) => String::new(),
    }
}

fn kind_of<'a>(fields: &'a Fields, name: &str) -> Option<&'a ColumnType> {
    let field = fields.as_ref()?.iter().find(|field| field.name == name)?;
    field.kind.as_ref()
}

fn must_have(table: &TableName, fields: &Fields, column: &str) -> Result<(), SqlError> {
    match fields {
        Some(fields) if fields.iter().all(|field| field.name != column) => Err(SqlError::new(
            format!("column \"{column}\" of relation \"{}\" does not exist", table.name),
        )),
        _ => Ok(()),
    }
}

impl Binder<'_> {
    fn insert(&mut self, insert: &mut Insert) -> Result<(), SqlError> {
        if insert.returning.is_some() || insert.output.is_some() {
            return syntax("returning");
        }
        if insert.on.is_some() {
            return syntax("on");
        }
        if insert.overwrite || insert.or.is_some() || insert.replace_into || insert.ignore {
            return syntax("insert");
        }
        if !insert.assignments.is_empty() || insert.partitioned.is_some() {
            return syntax("set");
        }
        let TableObject::TableName(name) = &insert.table else { return syntax("(") };
        let table = TableName::from_object(name)?;
        let all = self.catalog.fields(&table)?;
        for (at, column) in insert.columns.iter().enumerate() {
            must_have(&table, &all, &last(column))?;
            if insert.columns[..at].contains(column) {
                let text = format!("column \"{}\" specified more than once", last(column));
                return Err(SqlError::new(text));
            }
        }
        let fields: Fields = if insert.columns.is_empty() {
            all
        } else {
            all.map(|all| {
                let found = insert.columns.iter().map(|column| {
                    let name = last(column);
                    let kind = all.iter().find(|field| field.name == name);
                    Field::new(name, kind.and_then(|field| field.kind.clone()))
                });
                found.collect()
            })
        };
        let Some(source) = &mut insert.source else { return Ok(()) };
        let width = if let SetExpr::Values(values) = source.body.as_mut() {
            let several = values.rows.len() > 1;
            self.scopes.push(Scope::default());
            for row in &mut values.rows {
                for (position, value) in row.content.iter_mut().enumerate() {
                    if several && value.to_string().to_lowercase().contains("(select") {
                        return Err(SqlError::new(
                            "subqueries are not supported in multi-row VALUES",
                        ));
                    }
                    let kind = self.expression(value)?;
                    let field = fields.as_ref().and_then(|fields| fields.get(position));
                    assign(value, &kind, field.and_then(|field| field.kind.as_ref()))?;
                }
            }
            self.scopes.pop();
            values.rows.first().map(|row| row.content.len())
        } else {
            let found = self.query(source)?;
            if let SetExpr::Select(select) = source.body.as_mut() {
                if let Some(found) = &found {
                    super::grouping::expand(select, found);
                }
                convert(&mut select.projection, found.as_deref(), fields.as_deref())?;
            }
            found.map(|found| found.len())
        };
        if let (Some(width), Some(fields)) = (width, &fields) {
            if width > fields.len() {
                return Err(SqlError::new("INSERT has more expressions than target columns"));
            }
            if width < fields.len() && insert.columns.is_empty() {
                let first = fields.iter().take(width);
                insert.columns =
                    first.map(|field| vec![Ident::with_quote('"', &field.name)].into()).collect();
            }
        }
        Ok(())
    }

    fn update(&mut self, update: &mut Update) -> Result<(), SqlError> {
        if update.returning.is_some() || update.output.is_some() {
            return syntax("returning");
        }
        if !update.order_by.is_empty() {
            return syntax("order");
        }
        if update.limit.is_some() {
            return syntax("limit");
        }
        if !update.table.joins.is_empty() || update.or.is_some() {
            return syntax("join");
        }
        let mut scope = Scope::default();
        self.relation(&mut update.table.relation, &mut scope)?;
        let (target, alias) = table_and_alias(&update.table.relation)?;
        let fields = scope.relations[0].fields.clone();
        let mut again = None;
        let mut from = match &mut update.from {
            None => None,
            Some(UpdateTableFromKind::BeforeSet(_)) => return syntax("from"),
            Some(UpdateTableFromKind::AfterSet(tables)) => Some(tables),
        };
        if let Some(tables) = &mut from {
            again = repeated(tables, &target)?;
            self.relations(tables, &mut scope)?;
        }
        if from.is_some() && again.is_none() && !equijoined(update.selection.as_ref(), &scope) {
            return Err(no_equijoin());
        }
        if again.as_deref() == Some(alias.as_str()) {
            return Err(SqlError::new(format!("table name \"{alias}\" specified more than once")));
        }
        self.scopes.push(scope);
        for table in from.into_iter().flatten() {
            self.conditions(table)?;
        }
        self.assignments(&target, &mut update.assignments, &fields)?;
        if let Some(condition) = &mut update.selection {
            self.condition("WHERE", condition)?;
        }
        self.scopes.pop();
        if let Some(again) = again {
            same_row(&mut update.selection, &alias, &again);
        }
        Ok(())
    }

    fn assignments(
        &mut self,
        table: &TableName,
        assignments: &mut [Assignment],
        fields: &Fields,
    ) -> Result<(), SqlError> {
        for assignment in assignments {
            let name = name_of(&assignment.target);
            must_have(table, fields, &name)?;
            let kind = self.expression(&mut assignment.value)?;
            assign(&mut assignment.value, &kind, kind_of(fields, &name))?;
        }
        Ok(())
    }

    fn delete(&mut self, delete: &mut Delete) -> Result<(), SqlError> {
        if delete.returning.is_some() || delete.output.is_some() {
            return syntax("returning");
        }
        if !delete.order_by.is_empty() || delete.limit.is_some() {
            return syntax(if delete.limit.is_some() { "limit" } else { "order" });
        }
        if !delete.tables.is_empty() {
            return syntax("from");
        }
        let mut scope = Scope::default();
        let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) =
            &mut delete.from;
        if tables.len() != 1 || !tables[0].joins.is_empty() {
            return syntax(",");
        }
        self.relations(tables, &mut scope)?;
        if let Some(tables) = &mut delete.using {
            self.relations(tables, &mut scope)?;
        }
        self.scopes.push(scope);
        for table in delete.using.iter_mut().flatten() {
            self.conditions(table)?;
        }
        if let Some(condition) = &mut delete.selection {
            self.condition("WHERE", condition)?;
        }
        self.scopes.pop();
        Ok(())
    }

    fn merge(&mut self, merge: &mut Merge) -> Result<(), SqlError> {
        let mut scope = Scope::default();
        self.relation(&mut merge.table, &mut scope)?;
        let (target, _) = table_and_alias(&merge.table)?;
        let fields = scope.relations[0].fields.clone();
        self.relation(&mut merge.source, &mut scope)?;
        self.scopes.push(scope);
        self.condition("MERGE/ON", &mut merge.on)?;
        for clause in &mut merge.clauses {
            match &mut clause.action {
                MergeAction::Update(update) => {
                    if let MergeUpdateKind::Set(assignments) = &mut update.kind {
                        self.assignments(&target, assignments, &fields)?;
                    }
                }
                MergeAction::Insert(insert) => {
                    let MergeInsertKind::Values(values) = &mut insert.kind else { continue };
                    for row in &mut values.rows {
                        for (position, value) in row.content.iter_mut().enumerate() {
                            let kind = self.expression(value)?;
                            let target = match insert.columns.get(position) {
                                Some(column) => kind_of(&fields, &last(column)),
                                None if insert.columns.is_empty() => fields
                                    .as_ref()
                                    .and_then(|fields| fields.get(position)?.kind.as_ref()),
                                None => None,
                            };
                            assign(value, &kind, target)?;
                        }
                    }
                }
                _ => {}
            }
        }
        self.scopes.pop();
        Ok(())
    }
}

fn last(name: &ObjectName) -> String {
    let part = name.0.last().and_then(|part| part.as_ident());
    part.map(|ident| ident.value.clone()).unwrap_or_default()
}

/// Values of a select list for the columns that they go to.
fn convert(
    items: &mut [SelectItem],
    found: Option<&[Field]>,
    targets: Option<&[Field]>,
) -> Result<(), SqlError> {
    let (Some(found), Some(targets)) = (found, targets) else { return Ok(()) };
    if items.len() != found.len() {
        return Ok(());
    }
    for ((item, field), target) in items.iter_mut().zip(found).zip(targets) {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            assign(expr, &field.kind, target.kind.as_ref())?;
        }
    }
    Ok(())
}

fn table_and_alias(factor: &TableFactor) -> Result<(TableName, String), SqlError> {
    let TableFactor::Table { name, alias, .. } = factor else { return syntax("update") };
    let table = TableName::from_object(name)?;
    let alias = alias.as_ref().map(|alias| alias.name.value.clone());
    Ok((table.clone(), alias.unwrap_or(table.name)))
}

fn no_equijoin() -> SqlError {
    SqlError::new("Target table must be part of an equijoin predicate")
}

/// The alias under which FROM names the target again.
fn repeated(tables: &[TableWithJoins], target: &TableName) -> Result<Option<String>, SqlError> {
    let mut found = None;
    let mut look = |factor: &TableFactor, is_outer: bool| {
        if !matches!(factor, TableFactor::Table { .. }) {
            return Ok(());
        }
        let (table, alias) = table_and_alias(factor)?;
        if table.name != target.name || table.schema_or_public() != target.schema_or_public() {
            return Ok(());
        }
        if is_outer || found.is_some() {
            return Err(no_equijoin());
        }
        found = Some(alias);
        Ok(())
    };
    for table in tables {
        let outer = |operator: &JoinOperator| {
            !matches!(
                operator,
                JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_)
            )
        };
        look(&table.relation, table.joins.iter().any(|join| outer(&join.join_operator)))?;
        for join in &table.joins {
            look(&join.relation, outer(&join.join_operator))?;
        }
    }
    Ok(found)
}

fn same_row(selection: &mut Option<Expr>, target: &str, again: &str) {
    let row = |alias: &str| {
        let parts = vec![Ident::with_quote('"', alias), Ident::with_quote('"', "rowid")];
        Box::new(Expr::CompoundIdentifier(parts))
    };
    let same = Expr::BinaryOp { left: row(target), op: BinaryOperator::Eq, right: row(again) };
    *selection = Some(match selection.take() {
        None => same,
        Some(condition) => Expr::BinaryOp {
            left: Box::new(Expr::Nested(Box::new(condition))),
            op: BinaryOperator::And,
            right: Box::new(same),
        },
    });
}

/// Whether a condition ties the first relation to another by equality.
fn equijoined(condition: Option<&Expr>, scope: &Scope) -> bool {
    match condition {
        None => false,
        Some(Expr::Nested(inside)) => equijoined(Some(inside), scope),
        Some(Expr::BinaryOp { left, op: BinaryOperator::And, right }) => {
            equijoined(Some(left), scope) || equijoined(Some(right), scope)
        }
        Some(Expr::BinaryOp { left, op: BinaryOperator::Eq, right }) => {
            let (one, other) = (relations_of(left, scope), relations_of(right, scope));
            let apart = |a: &[usize], b: &[usize]| a.contains(&0) && b.iter().any(|at| *at > 0);
            apart(&one, &other) || apart(&other, &one)
        }
        Some(_) => false,
    }
}

/// Which relations an expression is of; all of them when that is not known.
fn relations_of(expression: &Expr, scope: &Scope) -> Vec<usize> {
    use std::ops::ControlFlow;
    let mut found = Vec::new();
    let _ = sqlparser::ast::visit_expressions(expression, |expression| {
        let place = match expression {
            Expr::Identifier(ident) => scope.find(None, &ident.value),
            Expr::CompoundIdentifier(parts) if parts.len() > 1 => {
                let at = parts.len() - 2;
                match scope.relations.iter().position(|r| r.alias == parts[at].value) {
                    Some(relation) => Found::Column(relation, None),
                    None => Found::Nothing,
                }
            }
            _ => Found::Nothing,
        };
        match place {
            Found::Column(relation, _) => found.push(relation),
            Found::Unknown => found.extend(0..scope.relations.len()),
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    found
}
