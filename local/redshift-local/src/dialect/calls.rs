//! Function calls that are more than another name.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, Ident, OrderByExpr,
};

use super::functions::{engine_name, is_missing};
use super::rewrite::{Found, raw};
use crate::engine::SqlError;

/// Rewrites a call whose arguments are rewritten already.
pub(crate) fn call(function: &mut Function, found: &mut Found) -> Result<Option<Expr>, SqlError> {
    let name = function_name(function)?;
    if function.name.0.last().and_then(|part| part.as_ident()?.quote_style) == Some('`') {
        // One of the warehouse's own.
        rename(function, &name);
        return Ok(None);
    }
    let arguments = arguments(function);
    if matches!(function.args, FunctionArguments::None) {
        return match name.as_str() {
            "current_date" => Ok(Some(raw("CAST(now() AS DATE)".into()))),
            "current_timestamp" => Ok(Some(raw("now()".into()))),
            "localtimestamp" | "sysdate" => Ok(Some(raw("CAST(now() AS TIMESTAMP)".into()))),
            "current_time" | "localtime" => {
                Ok(Some(raw("CAST(CAST(now() AS TIMESTAMP) AS TIME)".into())))
            }
            "current_user" | "session_user" | "user" => {
                Ok(Some(raw("CAST(getvariable('user_name') AS VARCHAR)".into())))
            }
            _ => Err(unknown(&name, &arguments)),
        };
    }
    if name == "generate_series" {
        found.leader_only = true;
        // One row each, as a function among the columns gives them.
        return Ok(Some(raw(format!("unnest(generate_series({}))", arguments.join(", ")))));
    }
    if let Some(text) = special(&name, &arguments)? {
        return Ok(Some(raw(text)));
    }
    match name.as_str() {
        "avg" => return Ok(Some(average(function))),
        "listagg" => return Ok(Some(list_aggregate(function)?)),
        "ratio_to_report" => {
            let over = function.over.as_ref();
            let over = over.map(|over| format!(" OVER {over}")).unwrap_or_default();
            let text = format!("(CAST({0} AS DOUBLE) / sum({0}){over})", first(&name, &arguments)?);
            return Ok(Some(raw(text)));
        }
        "percentile_cont" | "percentile_disc" | "median" if function.over.is_some() => {
            return Ok(Some(windowed_percentile(&name, function, &arguments)?));
        }
        _ => {}
    }
    let Some(engine) = engine_name(&name) else {
        return Err(match is_missing(&name) {
            true => SqlError::unsupported(&format!("the function {}", name.to_uppercase())),
            false => unknown(&name, &arguments),
        });
    };
    rename(function, &engine);
    if let Some(treatment) = function.null_treatment.take()
        && let FunctionArguments::List(list) = &mut function.args
    {
        list.clauses.push(FunctionArgumentClause::IgnoreOrRespectNulls(treatment));
    }
    Ok(None)
}

fn function_name(function: &Function) -> Result<String, SqlError> {
    let parts: Vec<&Ident> = function.name.0.iter().filter_map(|part| part.as_ident()).collect();
    match parts.as_slice() {
        [name] => Ok(name.value.clone()),
        [schema, name] if schema.value == "pg_catalog" => Ok(name.value.clone()),
        _ => Err(SqlError::new(format!("function {}() does not exist", function.name))),
    }
}

fn rename(function: &mut Function, name: &str) {
    function.name = vec![Ident::new(name)].into();
}

fn arguments(function: &Function) -> Vec<String> {
    match &function.args {
        FunctionArguments::List(list) => list.args.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

fn first<'a>(name: &str, arguments: &'a [String]) -> Result<&'a str, SqlError> {
    arguments.first().map(String::as_str).ok_or_else(|| unknown(name, arguments))
}

fn unknown(name: &str, arguments: &[String]) -> SqlError {
    let kind = |argument: &String| match argument {
        text if text.starts_with('\'') => "\"unknown\"",
        text if text.parse::<i64>().is_ok() => "integer",
        text if text.parse::<f64>().is_ok() => "numeric",
        _ => "\"unknown\"",
    };
    let kinds: Vec<&str> = arguments.iter().map(kind).collect();
    SqlError::new(format!("function {name}({}) does not exist", kinds.join(", ")))
}

/// Calls with a syntax or a meaning of their own.
fn special(name: &str, arguments: &[String]) -> Result<Option<String>, SqlError> {
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Ok(Some(match (name, texts.as_slice()) {
        ("nvl" | "ifnull" | "isnull", [_, ..]) => format!("coalesce({})", texts.join(", ")),
        ("nvl2", [value, present, absent]) => {
            format!("CASE WHEN {value} IS NOT NULL THEN {present} ELSE {absent} END")
        }
        ("decode", [value, pairs @ ..]) if pairs.len() >= 2 => decode(value, pairs),
        ("coalesce", _) => format!("coalesce({})", texts.join(", ")),
        ("dateadd" | "date_add", [part, count, time]) => {
            date_add(&date_part_name(part), count, time)?
        }
        ("datediff" | "date_diff", [part, from, to]) => {
            let part = plain_part(&date_part_name(part))?;
            format!("date_diff('{part}', {}, {})", timestamp(from), timestamp(to))
        }
        ("date_part" | "pgdate_part", [part, time]) => {
            format!("CAST({} AS DOUBLE)", date_part(&date_part_name(part), time)?)
        }
        ("date_trunc", [part, time]) => {
            let part = plain_part(&date_part_name(part))?;
            format!("date_trunc('{part}', {})", timestamp(time))
        }
        ("date", [time]) => format!("CAST({time} AS DATE)"),
        ("substring" | "substr", [text, start]) => {
            format!("rs_substring(CAST({text} AS VARCHAR), {start}, 1000000000)")
        }
        ("substring" | "substr", [text, start, count]) => {
            format!("rs_substring(CAST({text} AS VARCHAR), {start}, {count})")
        }
        ("json_extract_path_text", [document, path @ ..]) if !path.is_empty() => {
            json_path_text(document, path)
        }
        ("to_number", [text, pattern]) => to_number(text, pattern)?,
        ("object", pairs) => format!("json_object({})", pairs.join(", ")),
        ("array", items) => format!("json_array({})", items.join(", ")),
        ("regexp_replace", [text, pattern, replacement, rest @ ..]) => {
            let replacement = replacement.replace("$", "\\");
            let rest = rest.iter().map(|item| format!(", {item}")).collect::<String>();
            format!("rs_regexp_replace({text}, {pattern}, {replacement}{rest})")
        }
        _ => return Ok(None),
    }))
}

/// The digits after the pattern's point are the number's scale.
fn to_number(text: &str, pattern: &str) -> Result<String, SqlError> {
    if !pattern.starts_with('\'') {
        return Err(SqlError::unsupported("TO_NUMBER with a pattern that is no literal"));
    }
    let upper = pattern.to_uppercase();
    let after = upper.split_once(['.', 'D']).map_or("", |(_, after)| after);
    let scale = after.chars().filter(|c| matches!(c, '9' | '0')).count();
    Ok(format!(
        "CAST(CASE WHEN ends_with(trim({text}), '-') OR contains({text}, '<') THEN '-' ELSE '' END \
         || regexp_replace({text}, '[^0-9.+-]|-$', '', 'g') AS DECIMAL(38, {scale}))"
    ))
}

/// The path as one text; a last argument of TRUE asks for null in place of an error.
fn json_path_text(document: &str, path: &[&str]) -> String {
    let (path, null_if_invalid) = match path {
        [path @ .., last] if last.eq_ignore_ascii_case("true") => (path, 1),
        [path @ .., last] if last.eq_ignore_ascii_case("false") => (path, 0),
        path => (path, 0),
    };
    let path = path.join(" || chr(31) || ");
    format!("rs_json_path_text(CAST({document} AS VARCHAR), {path}, {null_if_invalid})")
}

fn decode(value: &str, pairs: &[&str]) -> String {
    let mut text = "CASE".to_owned();
    let (whole, default) = pairs.split_at(pairs.len() - pairs.len() % 2);
    for pair in whole.chunks_exact(2) {
        text += &format!(" WHEN {value} IS NOT DISTINCT FROM {} THEN {}", pair[0], pair[1]);
    }
    match default {
        [default] => format!("{text} ELSE {default} END"),
        _ => format!("{text} END"),
    }
}

/// The average of integers is an integer, cut off; of the rest it is what the division gives.
fn average(function: &Function) -> Expr {
    let part = |name: &str| {
        let mut part = function.clone();
        rename(&mut part, name);
        part
    };
    raw(format!("({} / {})", part("sum"), part("count")))
}

/// `LISTAGG(x, ',') WITHIN GROUP (ORDER BY y)` is `string_agg(x, ',' ORDER BY y)`.
fn list_aggregate(function: &Function) -> Result<Expr, SqlError> {
    let mut function = function.clone();
    rename(&mut function, "string_agg");
    let order: Vec<OrderByExpr> = std::mem::take(&mut function.within_group);
    let FunctionArguments::List(list) = &mut function.args else {
        return Err(unknown("listagg", &[]));
    };
    if list.args.len() == 1 {
        list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(raw("''".into()))));
    }
    if let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(value))) = list.args.first_mut() {
        *value = raw(format!("CAST({value} AS VARCHAR)"));
    }
    if !order.is_empty() {
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        let value = list.args.first().map(ToString::to_string).unwrap_or_default();
        let by_value = |item: &OrderByExpr| value == format!("CAST({} AS VARCHAR)", item.expr);
        if distinct && !order.iter().all(by_value) {
            return Err(SqlError::unsupported("LISTAGG (DISTINCT …) in another order"));
        }
        let mut order = order;
        if distinct {
            order[0].expr = raw(value);
            order.truncate(1);
        }
        list.clauses.push(FunctionArgumentClause::OrderBy(order));
    }
    Ok(Expr::Function(function))
}

fn windowed_percentile(
    name: &str,
    function: &Function,
    arguments: &[String],
) -> Result<Expr, SqlError> {
    let over = function.over.as_ref().map(ToString::to_string).unwrap_or_default();
    let argument = first(name, arguments)?;
    let text = match (name, function.within_group.first()) {
        ("median", _) => format!("median({argument}) OVER {over}"),
        ("percentile_cont", Some(order)) => {
            format!("quantile_cont({}, {argument}) OVER {over}", order.expr)
        }
        (_, Some(order)) => format!("quantile_disc({}, {argument}) OVER {over}", order.expr),
        (_, None) => return Err(SqlError::syntax("over")),
    };
    Ok(raw(text))
}

fn timestamp(text: &str) -> String {
    format!("CAST({text} AS TIMESTAMP)")
}

/// A part of a date: `month`, `'month'` or, since a bare word reads as a column, `"month"`.
fn date_part_name(argument: &str) -> String {
    argument.replace(['"', '\''], "").to_lowercase()
}

/// Redshift's many names of a part, as one.
pub(super) fn plain_part(part: &str) -> Result<&'static str, SqlError> {
    Ok(match part {
        "millennium" | "millennia" | "mil" | "mils" => "millennium",
        "century" | "centuries" | "c" | "cent" | "cents" => "century",
        "decade" | "decades" | "dec" | "decs" => "decade",
        "year" | "years" | "y" | "yr" | "yrs" => "year",
        "quarter" | "quarters" | "qtr" | "qtrs" => "quarter",
        "month" | "months" | "mon" | "mons" => "month",
        "week" | "weeks" | "w" => "week",
        "day" | "days" | "d" => "day",
        "hour" | "hours" | "h" | "hr" | "hrs" => "hour",
        "minute" | "minutes" | "m" | "min" | "mins" => "minute",
        "second" | "seconds" | "s" | "sec" | "secs" => "second",
        "millisecond" | "milliseconds" | "ms" | "msec" | "msecs" | "msecond" | "mseconds"
        | "millisec" | "millisecs" | "millisecon" => "millisecond",
        "microsecond" | "microseconds" | "us" | "microsec" | "microsecs" | "usecond"
        | "useconds" | "usec" | "usecs" | "microsecon" => "microsecond",
        _ => return Err(SqlError::new(format!("timestamp units \"{part}\" not recognized"))),
    })
}

/// The value of one part of a time.
pub(crate) fn date_part(part: &str, time: &str) -> Result<String, SqlError> {
    let time = if time.starts_with('\'') { timestamp(time) } else { time.to_owned() };
    Ok(match part {
        "epoch" => format!("date_part('epoch', {time})"),
        "dow" | "d_o_w" | "dayofweek" | "dw" | "weekday" => format!("date_part('dow', {time})"),
        "doy" | "dayofyear" | "dy" | "yearday" => format!("date_part('doy', {time})"),
        "timezone" | "timezone_hour" | "timezone_minute" => format!("date_part('{part}', {time})"),
        part => match plain_part(part)? {
            "second" => format!("(date_part('microsecond', {time}) / 1000000.0)"),
            "millisecond" => format!("date_part('millisecond', {time}) % 1000"),
            "microsecond" => format!("date_part('microsecond', {time}) % 1000000"),
            plain => format!("date_part('{plain}', {time})"),
        },
    })
}

fn date_add(part: &str, count: &str, time: &str) -> Result<String, SqlError> {
    let time = timestamp(time);
    let unit = plain_part(part)?;
    let small = ["hour", "minute", "second", "millisecond", "microsecond"].contains(&unit);
    let count = format!("CAST({count} AS {})", if small { "BIGINT" } else { "INTEGER" });
    Ok(match unit {
        "quarter" => format!("({time} + to_months(3 * {count}))"),
        "week" => format!("({time} + to_days(7 * {count}))"),
        "millennium" => format!("({time} + to_years(1000 * {count}))"),
        "century" => format!("({time} + to_years(100 * {count}))"),
        "decade" => format!("({time} + to_years(10 * {count}))"),
        plain => format!("({time} + to_{plain}s({count}))"),
    })
}
