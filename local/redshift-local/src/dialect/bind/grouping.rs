//! GROUP BY, DISTINCT and set operations over text: trailing blanks do not make rows different.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, Ident, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr, Value,
    VisitMut, VisitorMut,
};

use super::build::{own, take, trimmed, wrap};
use super::functions::is_aggregate;
use super::kinds::{Kind, is_text};
use super::scope::Found;
use super::{Binder, Field};
use crate::engine::SqlError;

/// Keys that are grouped without the blanks at their end.
#[derive(Debug, Default)]
pub(super) struct Keys {
    keys: Vec<String>,
    /// With ROLLUP and the like a key may be null: its trimmed form is shown.
    sets: bool,
}

impl Binder<'_> {
    pub(super) fn group_keys(
        &mut self,
        expressions: &mut [Expr],
        projection: &[SelectItem],
    ) -> Result<Keys, SqlError> {
        let mut keys = Keys::default();
        for expression in expressions {
            if let Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) = expression {
                keys.sets = true;
                for item in sets.iter_mut().flatten() {
                    self.group_key(item, projection, &mut keys)?;
                }
            } else {
                self.group_key(expression, projection, &mut keys)?;
            }
        }
        Ok(keys)
    }

    fn group_key(
        &mut self,
        expression: &mut Expr,
        projection: &[SelectItem],
        keys: &mut Keys,
    ) -> Result<(), SqlError> {
        let listed = listed(self, expression, projection).cloned();
        let kind = match &listed {
            Some(item) => self.kind_again(item),
            None => self.expression(expression)?,
        };
        if let Some(item) = listed.filter(|item| !matches!(item, Expr::Value(_))) {
            // What it names may be shown as one value of each group, which is no key.
            *expression = item;
        }
        if !is_text(kind.as_ref()) || matches!(expression, Expr::Value(_)) {
            return Ok(());
        }
        keys.keys.push(self.key(expression));
        wrap(expression, "rs_trimmed");
        Ok(())
    }

    /// The type of an expression that is bound already.
    fn kind_again(&mut self, expression: &Expr) -> Kind {
        match expression {
            Expr::Value(_) => None,
            expression => self.expression(&mut expression.clone()).ok().flatten(),
        }
    }

    /// An expression's text, the same for `a` and `t.a`.
    fn key(&self, expression: &Expr) -> String {
        let Some(scope) = self.scopes.last() else { return expression.to_string() };
        let found = match expression {
            Expr::Identifier(ident) => (scope.find(None, &ident.value), &ident.value),
            Expr::CompoundIdentifier(parts) if parts.len() == 2 => {
                (scope.find(Some(&parts[0].value), &parts[1].value), &parts[1].value)
            }
            _ => return expression.to_string(),
        };
        match found {
            (Found::Column(relation, _), name) => format!("{relation}.{name}"),
            _ => expression.to_string(),
        }
    }

    /// DISTINCT, by the columns without the blanks at their end.
    pub(super) fn distinct(
        &mut self,
        select: &mut Select,
        fields: Option<&[Field]>,
        order_by: Option<&mut OrderBy>,
    ) -> Result<(), SqlError> {
        if let Some(order_by) = order_by {
            self.check_order(select, order_by)?;
        }
        let Some(fields) = fields else { return Ok(()) };
        if !fields.iter().any(|field| is_text(field.kind.as_ref())) {
            return Ok(());
        }
        if !expand(select, fields) {
            return Ok(());
        }
        let items = select.projection.iter().zip(fields).map(|(item, field)| {
            let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item
            else {
                return Expr::value(Value::Null);
            };
            let mut expr = expr.clone();
            if is_text(field.kind.as_ref()) {
                trimmed(&mut expr, &field.kind);
            }
            expr
        });
        select.distinct = Some(Distinct::On(items.collect()));
        Ok(())
    }

    fn check_order(&mut self, select: &Select, order_by: &OrderBy) -> Result<(), SqlError> {
        let OrderByKind::Expressions(list) = &order_by.kind else { return Ok(()) };
        let wildcard = select.projection.iter().any(|item| {
            matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
        });
        for order in list {
            let key = self.key(&order.expr);
            let named = super::scope::last_name(&order.expr);
            let shown = select.projection.iter().any(|item| match item {
                SelectItem::UnnamedExpr(expr) => self.key(expr) == key,
                SelectItem::ExprWithAlias { expr, alias } => {
                    self.key(expr) == key || named.as_ref() == Some(&alias.value)
                }
                _ => false,
            });
            if !shown && !wildcard && !matches!(order.expr, Expr::Value(_)) {
                return Err(SqlError::new(
                    "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                ));
            }
        }
        Ok(())
    }
}

/// Writes out a `*` over one relation; says whether no other is left.
pub(super) fn expand(select: &mut Select, fields: &[Field]) -> bool {
    let is_star = |item: &SelectItem| {
        matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
    };
    if !select.projection.iter().any(is_star) {
        return true;
    }
    let alone = matches!(select.from.as_slice(), [table] if table.joins.is_empty());
    if select.projection.len() != 1 || !alone {
        return false;
    }
    let column = |field: &Field| {
        SelectItem::UnnamedExpr(Expr::Identifier(Ident::with_quote('"', &field.name)))
    };
    select.projection = fields.iter().map(column).collect();
    true
}

/// The item of the select list that a number or an alias in GROUP BY means.
fn listed<'a>(
    binder: &mut Binder<'_>,
    expression: &Expr,
    projection: &'a [SelectItem],
) -> Option<&'a Expr> {
    let item = match expression {
        Expr::Value(value) => {
            let position: usize = value.to_string().parse().ok()?;
            projection.get(position.checked_sub(1)?)?
        }
        Expr::Identifier(ident) => match binder.scope().find(None, &ident.value) {
            Found::Column(..) | Found::Unknown => return None,
            _ => projection.iter().find(|item| {
                matches!(item, SelectItem::ExprWithAlias { alias, .. } if alias.value == ident.value)
            })?,
        },
        _ => return None,
    };
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

impl Keys {
    /// Shows one value of each group wherever the key is named outside an aggregate.
    pub(super) fn replace(
        &mut self,
        binder: &Binder<'_>,
        select: &mut Select,
        order_by: Option<&mut OrderBy>,
    ) {
        if self.keys.is_empty() {
            return;
        }
        let wrapper = if self.sets { "rs_trimmed" } else { "min" };
        let mut replacer = Replacer { binder, keys: &self.keys, wrapper, depth: 0 };
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                let name = super::scope::last_name(expr);
                let _ = expr.visit(&mut replacer);
                if let (SelectItem::UnnamedExpr(expr), Some(name)) = (&*item, name) {
                    let alias = Ident::with_quote('"', name);
                    *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                }
            }
        }
        let _ = select.having.visit(&mut replacer);
        let _ = select.qualify.visit(&mut replacer);
        if let Some(order_by) = order_by {
            let _ = order_by.visit(&mut replacer);
        }
    }
}

struct Replacer<'a, 'b> {
    binder: &'a Binder<'b>,
    keys: &'a [String],
    wrapper: &'static str,
    /// How many aggregates and subqueries are around.
    depth: u32,
}

fn hides(expression: &Expr) -> bool {
    let Expr::Function(function) = expression else { return false };
    let name = function.name.0.last().and_then(|part| part.as_ident());
    let name = name.map(|ident| ident.value.as_str()).unwrap_or_default();
    function.over.is_none() && is_aggregate(name)
}

impl VisitorMut for Replacer<'_, '_> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if hides(expression) {
            self.depth += 1;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if hides(expression) {
            self.depth -= 1;
        } else if self.depth == 0 && self.keys.contains(&self.binder.key(expression)) {
            let inside = *take(expression);
            *expression = own(self.wrapper, vec![inside]);
        }
        ControlFlow::Continue(())
    }
}

/// The texts of one side of a set operation, without the blanks at their end.
pub(super) fn trim_items(body: &mut SetExpr, fields: Option<&[Field]>) {
    let SetExpr::Select(select) = body else { return };
    if select.projection.len() != fields.map_or(0, <[Field]>::len) {
        return;
    }
    let fields = fields.unwrap_or_default();
    for (item, field) in select.projection.iter_mut().zip(fields) {
        if !is_text(field.kind.as_ref()) {
            continue;
        }
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            trimmed(expr, &field.kind);
            let alias = Ident::with_quote('"', &field.name);
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
    }
}
