//! Joins by columns of the same name, and SUPER arrays that are joined as if they were tables.

use sqlparser::ast::{
    Expr, Ident, Join, JoinConstraint, JoinOperator, SetExpr, TableAlias, TableFactor,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::kinds::is_text;
use super::scope::{Relation, Scope};
use super::{Binder, Field, syntax};
use crate::dialect::names::quoted;
use crate::dialect::types::ColumnType;
use crate::engine::SqlError;

pub(super) fn constraint(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint) => Some(constraint),
        _ => None,
    }
}

/// Refuses joins that Redshift does not have, and lets merged columns be compared without the blanks
/// at their end.
pub(super) fn check_join(
    left: &mut TableFactor,
    earlier: &mut [Join],
    join: &mut Join,
    scope: &mut Scope,
) -> Result<(), SqlError> {
    let Some(constraint) = constraint(&mut join.join_operator) else {
        return syntax(match join.join_operator {
            JoinOperator::Semi(_) | JoinOperator::LeftSemi(_) | JoinOperator::RightSemi(_) => {
                "semi"
            }
            JoinOperator::Anti(_) | JoinOperator::LeftAnti(_) | JoinOperator::RightAnti(_) => {
                "anti"
            }
            _ => "join",
        });
    };
    let names: Vec<String> = match constraint {
        JoinConstraint::Using(columns) => {
            let last = columns.iter().filter_map(|name| name.0.last()?.as_ident());
            last.map(|ident| ident.value.clone()).collect()
        }
        JoinConstraint::Natural => {
            let right = scope.relations.last().and_then(|right| right.fields.as_ref());
            let names = right.into_iter().flatten().map(|field| field.name.clone());
            let lefts = &scope.relations[..scope.relations.len().saturating_sub(1)];
            names.filter(|name| lefts.iter().any(|left| left.has(name))).collect()
        }
        _ => return Ok(()),
    };
    let factors = std::iter::once(left).chain(earlier.iter_mut().map(|join| &mut join.relation));
    for factor in factors.chain([&mut join.relation]) {
        trim_columns(factor, &names, scope)?;
    }
    scope.merged.extend(names);
    scope.merged.dedup();
    Ok(())
}

/// Puts a query in place of a table, which gives these columns without the blanks at their end.
fn trim_columns(factor: &mut TableFactor, names: &[String], scope: &Scope) -> Result<(), SqlError> {
    let TableFactor::Table { name, alias, .. } = &*factor else { return Ok(()) };
    let named = name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone());
    let alias = alias.as_ref().map(|alias| alias.name.value.clone()).or(named).unwrap_or_default();
    let relation = scope.relations.iter().find(|relation| relation.alias == alias);
    let fields = relation.and_then(|relation| relation.fields.as_ref());
    let trimmed = fields
        .into_iter()
        .flatten()
        .filter(|field| names.contains(&field.name) && is_text(field.kind.as_ref()));
    let trimmed: Vec<String> =
        trimmed.map(|field| format!("`rs_trimmed`({0}) AS {0}", quoted(&field.name))).collect();
    if trimmed.is_empty() {
        return Ok(());
    }
    let sql = format!("(SELECT * REPLACE ({}) FROM x) AS {}", trimmed.join(", "), quoted(&alias));
    let mut query = parsed(&sql)?;
    if let TableFactor::Derived { subquery, .. } = &mut query
        && let SetExpr::Select(select) = subquery.body.as_mut()
        && let Some(inside) = select.from.first_mut()
    {
        std::mem::swap(&mut inside.relation, factor);
        *factor = query;
    }
    Ok(())
}

fn parsed(factor: &str) -> Result<TableFactor, SqlError> {
    let parser = Parser::new(&GenericDialect {}).try_with_sql(factor);
    let parsed = parser.and_then(|mut parser| parser.parse_table_factor());
    parsed.map_err(|error| crate::dialect::tokens::parser_error(&error))
}

impl Binder<'_> {
    /// `FROM t, t.items AS item`: a row for each element of an array.
    pub(super) fn unnested(
        &mut self,
        parts: Vec<Ident>,
        alias: Option<&TableAlias>,
        scope: &mut Scope,
    ) -> Result<TableFactor, SqlError> {
        let Some(alias) = alias.map(|alias| alias.name.value.clone()) else {
            return Err(SqlError::unsupported("unnesting a SUPER value without an alias"));
        };
        let mut value = Expr::CompoundIdentifier(parts);
        self.scopes.push(std::mem::take(scope));
        let kind = self.expression(&mut value);
        *scope = self.scopes.pop().unwrap_or_default();
        if kind? != Some(ColumnType::Super) {
            return Err(SqlError::unsupported("unnesting anything but a SUPER column in FROM"));
        }
        let name = quoted(&alias);
        let field = Field::new(alias.clone(), Some(ColumnType::Super));
        scope.relations.push(Relation { alias, fields: Some(vec![field]) });
        parsed(&format!("(SELECT `unnest`(`rs_elements`({value})) AS {name}) AS {name}"))
    }
}
