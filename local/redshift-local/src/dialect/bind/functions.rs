//! Calls: the types of functions, what windows need, and times.

use sqlparser::ast::{
    BinaryOperator, DataType, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Interval, TimezoneInfo, WindowFrameUnits, WindowSpec, WindowType,
};

use super::build::{cast_to_decimal, literal_text, number, own, take, trimmed, wrap};
use super::expressions::{as_text, prepare};
use super::kinds::{self, Kind, is_integer, is_text, is_time};
use super::operators::{quotient, unscaled};
use super::{Binder, signatures, syntax};
use crate::dialect::calls::plain_part;
use crate::dialect::types::ColumnType;
use crate::engine::SqlError;

const AGGREGATES: &str = " any_value avg bit_and bit_or bool_and bool_or count listagg max median min \
    percentile_cont percentile_disc stddev stddev_pop stddev_samp sum var_pop var_samp \
    variance ";
/// Window functions that need a frame as soon as they have an order.
const FRAMED: &str = " avg bool_and bool_or count first_value last_value max min nth_value stddev \
    stddev_pop stddev_samp sum var_pop var_samp variance ";
/// Window functions that need an order.
const ORDERED: &str = " cume_dist dense_rank lag lead percent_rank rank ";
/// The first argument is a part of a time, no column.
const OF_PARTS: &str = " date_add date_diff date_part date_trunc dateadd datediff pgdate_part ";

/// Whether a list of names, with blanks around each, has this one.
fn has(list: &str, name: &str) -> bool {
    list.contains(&format!(" {name} "))
}

/// Whether a call computes one value of many rows.
pub(super) fn is_aggregate(name: &str) -> bool {
    has(AGGREGATES, name)
}

impl Binder<'_> {
    pub(super) fn function(&mut self, expression: &mut Expr) -> Result<Kind, SqlError> {
        let Expr::Function(function) = expression else { return Ok(None) };
        let name = function.name.0.last().and_then(|part| part.as_ident());
        let name = name.map(|ident| ident.value.clone()).unwrap_or_default();
        if function.filter.is_some() || !matches!(function.parameters, FunctionArguments::None) {
            return syntax("(");
        }
        check_window(&name, function)?;
        let kinds = self.arguments(&name, function)?;
        for order in &mut function.within_group {
            self.expression(&mut order.expr)?;
        }
        if let Some(WindowType::WindowSpec(window)) = &mut function.over {
            for item in &mut window.partition_by {
                let kind = self.expression(item)?;
                trimmed(item, &kind);
            }
            for order in &mut window.order_by {
                self.expression(&mut order.expr)?;
            }
        }
        self.typed(&name, kinds, expression)
    }

    fn arguments(&mut self, name: &str, function: &mut Function) -> Result<Vec<Kind>, SqlError> {
        let FunctionArguments::List(list) = &mut function.args else { return Ok(Vec::new()) };
        let mut expressions = Vec::new();
        for argument in &mut list.args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => {
                    expressions.push(expression);
                }
                FunctionArg::Unnamed(_) => {}
                _ => return syntax("=>"),
            }
        }
        let shared = match name {
            "coalesce" | "nvl" | "ifnull" | "isnull" | "greatest" | "least" => {
                Some(self.unify(
                    &name.to_uppercase(),
                    expressions.iter_mut().map(|e| &mut **e).collect(),
                )?)
            }
            "nvl2" if expressions.len() == 3 => {
                self.expression(expressions[0])?;
                Some(self.unify("NVL2", expressions[1..].iter_mut().map(|e| &mut **e).collect())?)
            }
            "decode" if expressions.len() > 2 => {
                return self.decode(expressions).map(|kind| vec![kind]);
            }
            _ => None,
        };
        if let Some(kind) = shared {
            return Ok(vec![kind]);
        }
        let skipped = usize::from(has(OF_PARTS, name));
        let mut kinds = vec![None; skipped];
        let mut literals = vec![true; skipped];
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        for expression in expressions.into_iter().skip(skipped) {
            let kind = self.expression(expression)?;
            if name == "count" && distinct {
                trimmed(expression, &kind);
            }
            literals.push(literal_text(expression).is_some());
            kinds.push(kind);
        }
        signatures::check(name, &kinds, &literals)?;
        Ok(kinds)
    }

    fn decode(&mut self, mut expressions: Vec<&mut Expr>) -> Result<Kind, SqlError> {
        let has_default = expressions.len().is_multiple_of(2);
        let default = has_default.then(|| expressions.pop()).flatten();
        let mut results = Vec::new();
        for (position, expression) in expressions.into_iter().enumerate() {
            if position > 0 && position % 2 == 0 {
                results.push(expression);
            } else {
                let kind = self.expression(expression)?;
                trimmed(expression, &kind);
            }
        }
        results.extend(default);
        self.unify("CASE", results)
    }

    /// The type of a call whose arguments are typed, and what the types change.
    fn typed(
        &mut self,
        name: &str,
        kinds: Vec<Kind>,
        expression: &mut Expr,
    ) -> Result<Kind, SqlError> {
        let first = kinds.first().cloned().flatten();
        match name {
            "max" | "min" if first == Some(ColumnType::Boolean) => {
                return Err(signatures::unknown(name, &kinds));
            }
            "max" | "min" if first == Some(ColumnType::Super) => {
                return Err(SqlError::unsupported(&format!("{name} of SUPER without a cast")));
            }
            "to_char" if is_text(first.as_ref()) => return Err(signatures::unknown(name, &kinds)),
            "to_char" | "concat" | "listagg" => self.texts(name, &kinds, expression),
            "sum" => match first {
                Some(ColumnType::SmallInt | ColumnType::Integer) => {
                    *expression = cast_to(expression, DataType::BigInt(None));
                    return Ok(Some(ColumnType::BigInt));
                }
                Some(ColumnType::BigInt) => return Ok(Some(kinds::decimal(38, 0))),
                Some(ColumnType::Decimal { scale, .. }) => {
                    return Ok(Some(kinds::decimal(38, scale.into())));
                }
                Some(_) => return Ok(Some(ColumnType::Double)),
                None => {}
            },
            "avg" => match first {
                Some(ColumnType::Decimal { scale, .. }) => {
                    *expression = average(expression, scale)?;
                    return Ok(Some(kinds::decimal(38, scale.into())));
                }
                kind if is_integer(kind.as_ref()) => return Ok(Some(ColumnType::BigInt)),
                Some(_) => return Ok(Some(ColumnType::Double)),
                None => {}
            },
            "checksum" => *expression = checksum(expression, first.clone())?,
            "trunc" if is_time(first.as_ref()) => {
                wrap_argument(expression, "rs_trunc_date");
                return Ok(Some(ColumnType::Date));
            }
            "timezone" => return Ok(self.in_zone(&kinds, expression)),
            "round" | "trunc" | "ceil" | "ceiling" | "floor" => {
                return Ok(rounded(name, first, expression));
            }
            _ => {}
        }
        self.times(name, &kinds, expression)?;
        let result = signatures::result(name, &first);
        match (name, signatures::gives_integer(name)) {
            // Longer than any column.
            ("listagg", _) => wrap(expression, "rs_listed"),
            (_, true) => *expression = cast_to(expression, DataType::Integer(None)),
            _ => {}
        }
        Ok(result)
    }

    /// `TIMEZONE('zone', time)` is `time AT TIME ZONE 'zone'`.
    fn in_zone(&mut self, kinds: &[Kind], expression: &mut Expr) -> Kind {
        let is_zoned = kinds.get(1) == Some(&Some(ColumnType::TimestampTz));
        let mut arguments: Vec<Expr> =
            arguments_of(expression).into_iter().map(|argument| *take(argument)).collect();
        arguments.reverse();
        let (name, kind) = zone_call(is_zoned);
        *expression = own(name, arguments);
        Some(kind)
    }

    /// Numbers become text before they are read as text.
    fn texts(&mut self, name: &str, kinds: &[Kind], expression: &mut Expr) {
        if name == "to_char"
            && kinds.first() == Some(&Some(ColumnType::TimestampTz))
            && let Some(time) = arguments_of(expression).into_iter().next()
        {
            *time = cast_to(time, DataType::Timestamp(None, TimezoneInfo::None));
        }
        if name == "concat" || name == "listagg" {
            for (argument, kind) in arguments_of(expression).into_iter().zip(kinds) {
                if literal_text(argument).is_none() {
                    as_text(argument, kind);
                }
            }
        }
    }

    /// Texts become times before they are read as times.
    fn times(&mut self, name: &str, kinds: &[Kind], expression: &mut Expr) -> Result<(), SqlError> {
        let is_of_parts = has(OF_PARTS, name);
        let start = match name {
            "dateadd" | "date_add" => 2,
            "add_months" => 0,
            "convert_timezone" => kinds.len() - 1,
            _ if is_of_parts => 1,
            _ => return Ok(()),
        };
        let end = if name == "add_months" { 1 } else { kinds.len() };
        for (position, argument) in arguments_of(expression).into_iter().enumerate() {
            if !(start..end).contains(&position) {
                continue;
            }
            let kind = kinds.get(position).cloned().flatten();
            if matches!(kind, Some(ColumnType::Time | ColumnType::TimeTz))
                && !["date_part", "pgdate_part"].contains(&name)
            {
                let name = name.to_uppercase();
                return Err(SqlError::unsupported(&format!("{name} of a TIME")));
            }
            if literal_text(argument).is_some() || is_text(kind.as_ref()) {
                prepare(argument, &kind, &ColumnType::Timestamp)?;
            }
        }
        Ok(())
    }
}

/// What moves a time to a zone, or from it, and what it gives.
pub(super) fn zone_call(is_zoned: bool) -> (&'static str, ColumnType) {
    match is_zoned {
        true => ("rs_time_in", ColumnType::Timestamp),
        false => ("rs_time_of", ColumnType::TimestampTz),
    }
}

fn cast_to(expression: &mut Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: sqlparser::ast::CastKind::Cast,
        expr: take(expression),
        data_type,
        format: None,
    }
}

pub(super) fn arguments_of(expression: &mut Expr) -> Vec<&mut Expr> {
    let Expr::Function(function) = expression else { return Vec::new() };
    let FunctionArguments::List(list) = &mut function.args else { return Vec::new() };
    let found = list.args.iter_mut().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
        _ => None,
    });
    found.collect()
}

fn wrap_argument(expression: &mut Expr, name: &str) {
    if let Some(argument) = arguments_of(expression).into_iter().next() {
        let argument = take(argument);
        *expression = own(name, vec![*argument]);
    }
}

/// The average of decimals has their scale; what is beyond it is cut off.
fn average(expression: &mut Expr, scale: i8) -> Result<Expr, SqlError> {
    let Expr::Function(function) = expression else { return syntax("avg") };
    let part = |name: &str| {
        let mut part = function.clone();
        part.name = crate::dialect::names::object(&[name]);
        Expr::Function(part)
    };
    let scale = i32::from(scale);
    let precision = if scale > 9 { 38 } else { 36 - scale };
    let sum = unscaled(&mut part("sum"), (precision, scale));
    let mut quotient = quotient(sum, part("count"), 0, scale);
    cast_to_decimal(&mut quotient, &kinds::decimal(38, scale));
    Ok(quotient)
}

fn checksum(expression: &mut Expr, kind: Kind) -> Result<Expr, SqlError> {
    let Some(ColumnType::Decimal { .. }) = kind else {
        return Err(SqlError::unsupported("CHECKSUM of anything but a DECIMAL"));
    };
    let argument = arguments_of(expression).into_iter().next().map(take);
    let argument = argument.ok_or_else(|| SqlError::syntax(")"))?;
    let mut digits = own("rs_digits_of", vec![*argument, number(1)]);
    Ok(cast_to(&mut digits, DataType::BigInt(None)))
}

fn rounded(name: &str, kind: Kind, expression: &mut Expr) -> Kind {
    let Some(ColumnType::Decimal { precision, scale }) = kind else { return kind };
    let arguments = arguments_of(expression);
    let digits = match (name, arguments.get(1)) {
        ("round" | "trunc", Some(digits)) => digits.to_string().parse::<i32>().ok()?,
        _ => 0,
    };
    Some(kinds::decimal(precision.into(), digits.clamp(0, scale.into())))
}

fn check_window(name: &str, function: &Function) -> Result<(), SqlError> {
    let window = match &function.over {
        None => return Ok(()),
        Some(WindowType::NamedWindow(ident)) => return syntax(&ident.value),
        Some(WindowType::WindowSpec(window)) => window,
    };
    let WindowSpec { window_name, order_by, window_frame, .. } = window;
    if let Some(ident) = window_name {
        return syntax(&ident.value);
    }
    if has(FRAMED, name) && !order_by.is_empty() && window_frame.is_none() {
        return Err(SqlError::new(
            "Aggregate window functions with an ORDER BY clause require a frame clause",
        ));
    }
    if window_frame.is_some() && !has(FRAMED, name) {
        return Err(SqlError::new(format!("{name} cannot have a frame clause")));
    }
    if window_frame.as_ref().is_some_and(|frame| frame.units != WindowFrameUnits::Rows) {
        return syntax("range");
    }
    if has(ORDERED, name) && order_by.is_empty() {
        return Err(SqlError::new(format!("Window function {name} requires an ORDER BY clause")));
    }
    if let FunctionArguments::List(list) = &function.args {
        if ["lag", "lead"].contains(&name) && list.args.len() > 2 {
            return Err(SqlError::new(format!(
                "Default parameter not be supported for window function {name}"
            )));
        }
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct) && name != "listagg" {
            return Err(SqlError::new(format!(
                "DISTINCT is not supported in the window function {name}"
            )));
        }
    }
    Ok(())
}

/// The type of a computation with a time, if it is one.
pub(super) fn time_arithmetic(
    left: &Expr,
    one: &Kind,
    operator: &BinaryOperator,
    right: &Expr,
    other: &Kind,
) -> Result<Kind, SqlError> {
    use ColumnType::{Date, Timestamp, TimestampTz};
    let adds = matches!(operator, BinaryOperator::Plus | BinaryOperator::Minus);
    Ok(match (one, other) {
        (Some(Date), other) if adds && is_integer(other.as_ref()) => Some(Date),
        (one, Some(Date)) if adds && is_integer(one.as_ref()) => Some(Date),
        (Some(TimestampTz), None) if adds && is_interval(right) => Some(TimestampTz),
        (Some(Date | Timestamp), None) if adds && is_interval(right) => Some(Timestamp),
        (None, Some(Date | Timestamp)) if adds && is_interval(left) => Some(Timestamp),
        _ => None,
    })
}

fn is_interval(expression: &Expr) -> bool {
    match expression {
        Expr::Nested(inside) => is_interval(inside),
        Expr::Function(function) => function.name.to_string().starts_with("`to_m"),
        _ => false,
    }
}

/// A number times an interval, in microseconds: more than an integer holds of them.
pub(super) fn multiplied_interval(
    operator: &BinaryOperator,
    left: &mut Expr,
    right: &mut Expr,
) -> Option<Expr> {
    if *operator != BinaryOperator::Multiply {
        return None;
    }
    let (count, interval) = if is_interval(right) { (left, right) } else { (right, left) };
    let mut interval = interval;
    while let Expr::Nested(inside) = interval {
        interval = inside;
    }
    if !is_interval(interval) {
        return None;
    }
    let Expr::Function(function) = &mut *interval else { return None };
    if !function.name.to_string().contains("to_microseconds") {
        return None;
    }
    let unit = arguments_of(interval).into_iter().next()?;
    let unit = Box::new(cast_to(unit, DataType::BigInt(None)));
    let count = Expr::Nested(take(count));
    let mut product =
        Expr::BinaryOp { left: Box::new(count), op: BinaryOperator::Multiply, right: unit };
    Some(own("to_microseconds", vec![cast_to(&mut product, DataType::BigInt(None))]))
}

/// `interval '1 day, 2 hours'`, also `interval '1' day` and a bare number, which counts seconds.
pub(super) fn interval(interval: &Interval) -> Result<Expr, SqlError> {
    let text = literal_text(&interval.value).ok_or_else(|| SqlError::syntax("interval"))?;
    let wrong = || SqlError::new(format!("invalid input syntax for type interval: \"{text}\""));
    let text = match &interval.leading_field {
        Some(field) => format!("{text} {field}").to_lowercase().replace('"', ""),
        None => text.to_lowercase(),
    };
    let (mut months, mut microseconds) = (0_i64, 0_f64);
    let mut rest = text.replace(',', " ");
    rest = rest.trim().to_owned();
    let mut left = rest.as_str();
    if left.is_empty() {
        return Err(wrong());
    }
    while !left.is_empty() {
        let end = left.find(|c: char| !c.is_ascii_digit() && !"+-.".contains(c));
        let (count, after) = left.split_at(end.unwrap_or(left.len()));
        let count: f64 = count.parse().map_err(|_| wrong())?;
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        left = after.trim_start();
        let of_months = |months: f64| (count * months) as i64;
        match plain_part(if unit.is_empty() { "second" } else { unit })? {
            "millennium" => months += of_months(12_000.0),
            "century" => months += of_months(1_200.0),
            "decade" => months += of_months(120.0),
            "year" => months += of_months(12.0),
            "quarter" => months += of_months(3.0),
            "month" => months += of_months(1.0),
            "week" => microseconds += count * 604_800e6,
            "day" => microseconds += count * 86_400e6,
            "hour" => microseconds += count * 3_600e6,
            "minute" => microseconds += count * 60e6,
            "second" => microseconds += count * 1e6,
            "millisecond" => microseconds += count * 1e3,
            _ => microseconds += count,
        }
    }
    let small = |count: f64| own("to_microseconds", vec![number(count.round() as i64)]);
    Ok(match (months, microseconds) {
        (0, count) => small(count),
        (months, 0.0) => own("to_months", vec![number(months)]),
        (months, count) => Expr::Nested(Box::new(Expr::BinaryOp {
            left: Box::new(own("to_months", vec![number(months)])),
            op: BinaryOperator::Plus,
            right: Box::new(small(count)),
        })),
    })
}
