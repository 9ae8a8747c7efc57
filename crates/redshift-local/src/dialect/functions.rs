//! Which functions there are, and what stands for them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The macros of every warehouse.
pub(crate) const MACROS: &str = include_str!("functions.sql");

/// Functions registered from Rust: what SQL says badly.
pub(crate) const SCALARS: &[&str] =
    &["to_char", "initcap", "fnv_hash", "strtol", "sha2", "soundex"];

/// Functions that mean the same in both.
const SAME: &[&str] = &[
    // Aggregates and windows.
    "count",
    "sum",
    "min",
    "max",
    "any_value",
    "stddev",
    "stddev_samp",
    "stddev_pop",
    "variance",
    "var_samp",
    "var_pop",
    "bool_and",
    "bool_or",
    "bit_and",
    "bit_or",
    "median",
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "ntile",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "nth_value",
    "percentile_cont",
    "percentile_disc",
    "grouping",
    "grouping_id",
    "corr",
    "covar_pop",
    "covar_samp",
    // Text.
    "substring",
    "substr",
    "trim",
    "ltrim",
    "rtrim",
    "replace",
    "reverse",
    "md5",
    "position",
    // Numbers.
    "abs",
    "ceil",
    "ceiling",
    "floor",
    "sqrt",
    "exp",
    "ln",
    "sign",
    "sin",
    "cos",
    "tan",
    "cot",
    "asin",
    "acos",
    "atan",
    "atan2",
    "degrees",
    "radians",
    "pi",
    // Conditions.
    "coalesce",
    "nullif",
    "greatest",
    "least",
    // Other.
    "generate_series",
    "date",
    "current_date",
    "current_timestamp",
    "current_time",
];

/// The macros' names, without their prefix.
static MACRO_NAMES: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let named = MACROS.lines().filter_map(|line| line.strip_prefix("create macro rs_"));
    named.filter_map(|rest| rest.split('(').next()).collect()
});

/// What is called in place of a Redshift function; `None` for one that does not exist.
pub(crate) fn engine_name(function: &str) -> Option<String> {
    if MACRO_NAMES.contains(function) || SCALARS.contains(&function) {
        return Some(format!("rs_{function}"));
    }
    SAME.contains(&function).then(|| function.to_owned())
}
