//! The functions, and what replaces each in the engine.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The macros of every warehouse.
pub(crate) const MACROS: &str = include_str!("functions.sql");

/// Functions registered from Rust: what SQL says badly.
pub(crate) const SCALARS: &[&str] =
    &["to_char", "initcap", "fnv_hash", "strtol", "sha2", "soundex"];

/// Functions that mean the same in both.
const SAME: &str = " count sum min max any_value stddev stddev_samp stddev_pop variance var_samp var_pop \
    bool_and bool_or bit_and bit_or median row_number rank dense_rank percent_rank \
    cume_dist ntile lag lead first_value last_value nth_value percentile_cont \
    percentile_disc grouping grouping_id substring substr trim ltrim rtrim replace \
    reverse md5 position abs ceil ceiling floor sqrt exp ln sign sin cos tan cot asin \
    acos atan atan2 degrees radians pi checksum coalesce nullif greatest least \
    generate_series date current_date current_timestamp current_time ";

/// Functions of Redshift's that are not here.
const MISSING: &str = " bttext_pattern_cmp collate crc32 current_aws_account current_namespace explain_model \
    farmfingerprint64 from_varbyte h3_fromlonglat has_assumerole_privilege hll \
    hll_cardinality hll_combine hll_combine_agg hll_create_sketch is_char is_decimal is_float \
    json_serialize_to_varbyte last_user_query_id lower_attribute_names murmur3_32_hash \
    object_transform octetindex pg_get_cols pg_get_late_binding_view_cols \
    role_is_member_of set_config st_distance \
    st_point text_to_int_alt text_to_numeric_alt to_varbyte upper_attribute_names \
    user_is_member_of ";

/// Whether Redshift has such a function and this warehouse does not.
pub(crate) fn is_missing(function: &str) -> bool {
    MISSING.contains(&format!(" {function} ")) || function.starts_with("st_")
}

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
    SAME.contains(&format!(" {function} ")).then(|| function.to_owned())
}
