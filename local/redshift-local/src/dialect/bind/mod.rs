//! Resolves the names of a query, gives its expressions their types and refuses what Redshift does
//! not take. An allow-list: a form of the syntax tree that is not read here is refused by name.

mod build;
mod expressions;
mod functions;
mod grouping;
mod joins;
mod kinds;
mod operators;
mod scope;
mod signatures;
mod updates;

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, JoinConstraint, LimitClause, OrderBy, OrderByKind, Query,
    Select, SelectItem, SetExpr, SetOperator, SetQuantifier, TableAlias, TableFactor,
    TableWithJoins,
};

use super::names::TableName;
use super::types::ColumnType;
use crate::engine::SqlError;

use joins::{check_join, constraint};
pub(in crate::dialect) use scope::is_reserved;
use scope::{Relation, Scope};

/// A column of a relation; its type, if that is known.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Option<ColumnType>,
    /// The table whose column it is.
    pub(crate) table: Option<String>,
    pub(crate) not_null: bool,
}

impl Field {
    /// A column that is no table's.
    fn new(name: String, kind: Option<ColumnType>) -> Self {
        Self { name, kind, table: None, not_null: false }
    }
}

/// What is known of tables and views.
pub(crate) trait Catalog {
    /// The columns of a relation; none when it is not a table or view that somebody made.
    fn fields(&self, name: &TableName) -> Result<Option<Vec<Field>>, SqlError>;
}

/// A catalog that knows nothing: names are checked when the statement runs.
pub(crate) struct Nothing;

impl Catalog for Nothing {
    fn fields(&self, _: &TableName) -> Result<Option<Vec<Field>>, SqlError> {
        Ok(None)
    }
}

type Fields = Option<Vec<Field>>;

/// Reads one statement's tree, from the outside in.
pub(super) struct Binder<'a> {
    catalog: &'a dyn Catalog,
    scopes: Vec<Scope>,
    /// Common table expressions, the innermost last.
    common: Vec<(String, Fields)>,
}

/// Checks and types a whole query in place.
pub(super) fn query(query: &mut Query, catalog: &dyn Catalog) -> Result<Fields, SqlError> {
    Binder::new(catalog).query(query)
}

pub(super) use updates::{expression, statement};

fn syntax<T>(near: &str) -> Result<T, SqlError> {
    Err(SqlError::syntax(near))
}

impl<'a> Binder<'a> {
    fn new(catalog: &'a dyn Catalog) -> Self {
        Self { catalog, scopes: Vec::new(), common: Vec::new() }
    }

    fn query(&mut self, query: &mut Query) -> Result<Fields, SqlError> {
        let outside = self.common.len();
        if let Some(with) = &mut query.with {
            for cte in &mut with.cte_tables {
                let name = cte.alias.name.value.clone();
                if with.recursive {
                    self.common.push((name.clone(), named(None, &cte.alias)));
                }
                let fields = self.query(&mut cte.query)?;
                self.common.push((name, named(fields, &cte.alias)));
            }
        }
        if query.fetch.is_some() {
            return syntax("fetch");
        }
        if !query.locks.is_empty() {
            return Err(SqlError::unsupported("SELECT … FOR UPDATE"));
        }
        let others = query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty();
        if others {
            return Err(SqlError::unsupported("this clause after a query"));
        }
        match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit_by, .. }) if !limit_by.is_empty() => {
                return syntax("by");
            }
            Some(LimitClause::OffsetCommaLimit { .. }) => return syntax(","),
            _ => {}
        }
        let fields = match query.body.as_mut() {
            SetExpr::Select(select) => self.select(select, query.order_by.as_mut())?,
            body => self.body(body)?,
        };
        self.common.truncate(outside);
        Ok(fields)
    }

    fn body(&mut self, body: &mut SetExpr) -> Result<Fields, SqlError> {
        match body {
            SetExpr::Select(select) => self.select(select, None),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                match (&op, &*set_quantifier) {
                    (
                        SetOperator::Intersect | SetOperator::Except | SetOperator::Minus,
                        SetQuantifier::All,
                    ) => {
                        return Err(SqlError::new(format!("{op} ALL is not supported")));
                    }
                    (_, SetQuantifier::None | SetQuantifier::Distinct | SetQuantifier::All) => {}
                    _ => return syntax("by"),
                }
                if *op == SetOperator::Minus {
                    *op = SetOperator::Except;
                }
                let trims = *set_quantifier != SetQuantifier::All;
                let fields = [&mut *left, &mut *right].map(|side| self.operand(side));
                let [left_fields, right_fields] = fields;
                let (left_fields, right_fields) = (left_fields?, right_fields?);
                if let (Some(one), Some(other)) = (&left_fields, &right_fields)
                    && one.len() != other.len()
                {
                    return Err(SqlError::new(format!(
                        "each {op} query must have the same number of columns"
                    )));
                }
                if trims {
                    grouping::trim_items(left, left_fields.as_deref());
                    grouping::trim_items(right, right_fields.as_deref());
                }
                let pairs = left_fields.iter().flatten().zip(right_fields.iter().flatten());
                for (one, other) in pairs {
                    kinds::must_meet(&op.to_string(), &one.kind, &other.kind)?;
                }
                Ok(left_fields.zip(right_fields).map(|(one, other)| {
                    let pairs = one.into_iter().zip(other);
                    let field =
                        |(a, b): (Field, Field)| Field::new(a.name, kinds::common(a.kind, b.kind));
                    pairs.map(field).collect()
                }))
            }
            SetExpr::Values(_) => syntax("values"),
            SetExpr::Table(_) => syntax("table"),
            other => {
                syntax(&other.to_string().split(' ').next().unwrap_or_default().to_lowercase())
            }
        }
    }

    fn operand(&mut self, side: &mut SetExpr) -> Result<Fields, SqlError> {
        if let SetExpr::Query(query) = side
            && query.limit_clause.is_some()
        {
            return Err(SqlError::new(
                "LIMIT and OFFSET cannot restrict the intermediate result of a set operation",
            ));
        }
        self.body(side)
    }

    fn select(
        &mut self,
        select: &mut Select,
        order_by: Option<&mut OrderBy>,
    ) -> Result<Fields, SqlError> {
        refuse_clauses(select)?;
        let mut scope = Scope::default();
        self.relations(&mut select.from, &mut scope)?;
        self.scopes.push(scope);
        let fields = self.select_in_scope(select, order_by);
        self.scopes.pop();
        fields
    }

    fn select_in_scope(
        &mut self,
        select: &mut Select,
        mut order_by: Option<&mut OrderBy>,
    ) -> Result<Fields, SqlError> {
        for table in &mut select.from {
            self.conditions(table)?;
        }
        let fields = self.projection(&mut select.projection)?;
        self.scope().sees_aliases = false;
        if let Some(condition) = &mut select.selection {
            self.condition("WHERE", condition)?;
        }
        self.scope().sees_aliases = true;
        let mut keys = match &mut select.group_by {
            GroupByExpr::Expressions(expressions, modifiers) if modifiers.is_empty() => {
                self.group_keys(expressions, &select.projection)?
            }
            GroupByExpr::All(modifiers) if modifiers.is_empty() => grouping::Keys::default(),
            _ => return syntax("with"),
        };
        self.scope().sees_aliases = false;
        if let Some(condition) = &mut select.having {
            self.condition("HAVING", condition)?;
        }
        self.scope().sees_aliases = true;
        if let Some(condition) = &mut select.qualify {
            self.condition("QUALIFY", condition)?;
        }
        if let Some(order_by) = order_by.as_deref_mut() {
            let OrderByKind::Expressions(list) = &mut order_by.kind else { return syntax("all") };
            for item in list.iter_mut() {
                if expressions::is_super(&self.expression(&mut item.expr)?) {
                    return Err(SqlError::unsupported("ORDER BY a SUPER value without a cast"));
                }
            }
        }
        keys.replace(self, select, order_by.as_deref_mut());
        match &select.distinct {
            Some(Distinct::On(_)) => return syntax("on"),
            Some(Distinct::Distinct) => {
                self.distinct(select, fields.as_deref(), order_by)?;
            }
            _ => {}
        }
        Ok(fields)
    }

    fn projection(&mut self, items: &mut Vec<SelectItem>) -> Result<Fields, SqlError> {
        self.scope().write_out(items);
        let mut fields = Some(Vec::new());
        for item in items {
            let found = match item {
                SelectItem::UnnamedExpr(expression) => {
                    let written = super::rewrite::column_name(expression);
                    let name = written.clone().or_else(|| scope::last_name(expression));
                    let name = name.unwrap_or_default();
                    let plain = expression.clone();
                    let kind = self.listed(expression)?;
                    if written.is_some() || scope::last_name(expression).is_none() {
                        let alias = Ident::with_quote('"', name.clone());
                        *item = SelectItem::ExprWithAlias { expr: expression.clone(), alias };
                    }
                    Some(vec![self.scope().described(&plain, name, kind)])
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let plain = expr.clone();
                    let kind = self.listed(expr)?;
                    let field = self.scope().described(&plain, alias.value.clone(), kind);
                    self.scope().aliases.push(field.clone());
                    Some(vec![field])
                }
                SelectItem::Wildcard(options) => {
                    let plain = options.to_string().is_empty();
                    self.scope().fields(None).filter(|_| plain)
                }
                SelectItem::QualifiedWildcard(kind, options) => {
                    let plain = options.to_string().is_empty();
                    let alias = kind.to_string();
                    let alias = alias.rsplit('.').next().unwrap_or_default().to_owned();
                    self.scope().fields(Some(&alias)).filter(|_| plain)
                }
                SelectItem::ExprWithAliases { .. } => return syntax("("),
            };
            match (&mut fields, found) {
                (Some(fields), Some(found)) => fields.extend(found),
                _ => fields = None,
            }
        }
        Ok(fields)
    }

    fn listed(&mut self, expression: &mut Expr) -> Result<Option<ColumnType>, SqlError> {
        let mut bare = &*expression;
        while let Expr::Nested(inside) = bare {
            bare = inside;
        }
        match bare {
            Expr::Tuple(_) => Err(SqlError::unsupported("a row as a column")),
            Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_) => {
                Err(SqlError::new("IS with a Boolean value is not supported in the SELECT list"))
            }
            _ => self.expression(expression),
        }
    }

    fn relations(
        &mut self,
        tables: &mut [TableWithJoins],
        scope: &mut Scope,
    ) -> Result<(), SqlError> {
        for table in tables {
            self.relation(&mut table.relation, scope)?;
            for at in 0..table.joins.len() {
                let (earlier, rest) = table.joins.split_at_mut(at);
                self.relation(&mut rest[0].relation, scope)?;
                check_join(&mut table.relation, earlier, &mut rest[0], scope)?;
            }
        }
        Ok(())
    }

    fn conditions(&mut self, table: &mut TableWithJoins) -> Result<(), SqlError> {
        if let TableFactor::NestedJoin { table_with_joins, .. } = &mut table.relation {
            self.conditions(table_with_joins)?;
        }
        self.scope().sees_aliases = false;
        for join in &mut table.joins {
            if let TableFactor::NestedJoin { table_with_joins, .. } = &mut join.relation {
                self.conditions(table_with_joins)?;
            }
            if let Some(JoinConstraint::On(condition)) = constraint(&mut join.join_operator) {
                self.condition("JOIN/ON", condition)?;
            }
        }
        self.scope().sees_aliases = true;
        Ok(())
    }

    fn relation(&mut self, factor: &mut TableFactor, scope: &mut Scope) -> Result<(), SqlError> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version: None,
                with_ordinality: false,
                partitions,
                json_path: None,
                sample: None,
                index_hints,
            } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => {
                let parts: Vec<Ident> =
                    name.0.iter().filter_map(|part| part.as_ident().cloned()).collect();
                if parts.len() > 1 && args.is_none() && scope.has_relation(&parts[0].value) {
                    *factor = self.unnested(parts, alias.as_ref(), scope)?;
                    return Ok(());
                }
                let table = TableName::from_object(name)?;
                let found = self.common.iter().rev().find(|(known, _)| *known == table.name);
                let fields = match (&table.schema, found) {
                    _ if args.is_some() => None,
                    (None, Some((_, fields))) => fields.clone(),
                    _ => self.catalog.fields(&table)?,
                };
                let alias_name = alias.as_ref().map(|alias| alias.name.value.clone());
                scope.relations.push(Relation {
                    alias: alias_name.unwrap_or_else(|| table.name.clone()),
                    fields: alias.as_ref().map_or(fields.clone(), |alias| named(fields, alias)),
                });
                Ok(())
            }
            TableFactor::Table { sample: Some(_), .. } => syntax("tablesample"),
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let fields = self.query(subquery)?;
                let fields = match alias {
                    Some(alias) => named(fields, alias),
                    None => fields,
                };
                let alias = alias.as_ref().map(|alias| alias.name.value.clone());
                scope.relations.push(Relation { alias: alias.unwrap_or_default(), fields });
                Ok(())
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                self.relations(std::slice::from_mut(table_with_joins), scope)
            }
            TableFactor::Pivot { table, aggregate_functions, default_on_null: None, .. } => {
                self.relation(table, &mut Scope::default())?;
                let average = |item: &sqlparser::ast::ExprWithAlias| {
                    item.expr.to_string().to_lowercase().starts_with("avg")
                };
                if aggregate_functions.iter().any(average) {
                    return Err(SqlError::unsupported("PIVOT with AVG"));
                }
                scope.relations.push(Relation { alias: String::new(), fields: None });
                Ok(())
            }
            TableFactor::Unpivot { table, .. } => {
                self.relation(table, &mut Scope::default())?;
                scope.relations.push(Relation { alias: String::new(), fields: None });
                Ok(())
            }
            TableFactor::UnpivotExpr { .. } => Err(SqlError::unsupported("UNPIVOT of an object")),
            TableFactor::Derived { .. } => syntax("lateral"),
            TableFactor::Function { name, .. } => {
                Err(SqlError::new(format!("function {name}() does not exist")))
            }
            other => Err(SqlError::unsupported(&format!("{other} in FROM"))),
        }
    }

    fn scope(&mut self) -> &mut Scope {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }
}

/// The fields under the names that an alias gives them.
fn named(fields: Fields, alias: &TableAlias) -> Fields {
    if alias.columns.is_empty() {
        return fields;
    }
    let mut fields = fields
        .unwrap_or_else(|| alias.columns.iter().map(|_| Field::new(String::new(), None)).collect());
    for (field, column) in fields.iter_mut().zip(&alias.columns) {
        field.name.clone_from(&column.name.value);
    }
    Some(fields)
}

fn refuse_clauses(select: &Select) -> Result<(), SqlError> {
    let found = [
        (select.exclude.is_some(), "exclude"),
        (!select.lateral_views.is_empty(), "lateral"),
        (select.prewhere.is_some(), "prewhere"),
        (!select.cluster_by.is_empty(), "cluster"),
        (!select.distribute_by.is_empty(), "distribute"),
        (!select.sort_by.is_empty(), "sort"),
        (!select.named_window.is_empty(), "window"),
        (select.value_table_mode.is_some(), "as"),
        (select.select_modifiers.is_some(), "select"),
        (!matches!(select.flavor, sqlparser::ast::SelectFlavor::Standard), "from"),
    ];
    if !select.connect_by.is_empty() {
        return Err(SqlError::unsupported("CONNECT BY"));
    }
    match found.iter().find(|(is_there, _)| *is_there) {
        Some((_, near)) => syntax(near),
        None => Ok(()),
    }
}
