//! Parts of a tree, made and put around others.

use sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, Value,
};

use super::kinds::{Kind, is_text};
use crate::dialect::names::object;
use crate::dialect::types::ColumnType;

/// A text whose length nobody declared.
pub(super) const TEXT: ColumnType = ColumnType::Varchar { bytes_max: 65_535 };

/// A call of one of the warehouse's own functions.
pub(super) fn own(name: &str, arguments: Vec<Expr>) -> Expr {
    let args = arguments.into_iter().map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)));
    Expr::Function(sqlparser::ast::Function {
        name: vec![Ident::with_quote('`', name)].into(),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.collect(),
            clauses: Vec::new(),
        }),
        within_group: Vec::new(),
        filter: None,
        null_treatment: None,
        over: None,
    })
}

pub(super) fn number(value: impl ToString) -> Expr {
    Expr::value(Value::Number(value.to_string(), false))
}

/// Takes an expression out to put it into another.
pub(super) fn take(expression: &mut Expr) -> Box<Expr> {
    Box::new(std::mem::replace(expression, Expr::value(Value::Null)))
}

pub(super) fn wrap(expression: &mut Expr, name: &str) {
    *expression = own(name, vec![*take(expression)]);
}

pub(super) fn cast(expression: &mut Expr, data_type: DataType) {
    *expression =
        Expr::Cast { kind: CastKind::Cast, expr: take(expression), data_type, format: None };
}

pub(super) fn cast_to_decimal(expression: &mut Expr, kind: &ColumnType) {
    if let ColumnType::Decimal { precision, scale } = kind {
        let info = ExactNumberInfo::PrecisionAndScale((*precision).into(), (*scale).into());
        cast(expression, DataType::Decimal(info));
    }
}

pub(super) fn literal_text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Nested(inside) => literal_text(inside),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Blanks at the end of a text do not count in comparisons.
pub(super) fn trimmed(expression: &mut Expr, kind: &Kind) {
    match (literal_text(expression), kind) {
        (Some(text), _) => {
            *expression = Expr::value(Value::SingleQuotedString(text.trim_end_matches(' ').into()));
        }
        (None, Some(kind)) if !is_text(Some(kind)) => {}
        _ if matches!(expression, Expr::Value(_)) => {}
        _ => wrap(expression, "rs_trimmed"),
    }
}

pub(super) fn plain_call(name: &str, arguments: Vec<Expr>) -> Expr {
    let mut call = own(name, arguments);
    if let Expr::Function(function) = &mut call {
        function.name = object(&[name]);
    }
    call
}
