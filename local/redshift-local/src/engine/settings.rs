//! SET, RESET and SHOW: what a session may change, and what follows from it.

use std::collections::BTreeMap;

use super::catalog::execute;
use super::error::SqlError;
use super::session::{Done, Session};
use super::values::QueryResult;
use crate::dialect::{Setting, TableName, literal, quoted};

/// How a parameter's values are taken.
enum Values {
    /// Any text.
    Any,
    /// A number in this range; nothing here depends on it.
    Number(i64, i64),
    /// True or false; nothing here depends on it.
    Boolean,
    /// Only the default: what another value would do is not done here.
    OnlyDefault,
}

/// The parameters, with their defaults.
const PARAMETERS: &[(&str, &str, Values)] = &[
    ("analyze_threshold_percent", "10", Values::Number(0, 100)),
    ("application_name", "", Values::Any),
    ("cast_super_null_on_error", "on", Values::OnlyDefault),
    ("client_encoding", "UTF8", Values::OnlyDefault),
    ("datestyle", "ISO, MDY", Values::OnlyDefault),
    ("default_transaction_read_only", "off", Values::OnlyDefault),
    ("describe_field_name_in_uppercase", "off", Values::OnlyDefault),
    ("downcase_delimited_identifier", "on", Values::OnlyDefault),
    ("enable_case_sensitive_identifier", "off", Values::OnlyDefault),
    ("enable_case_sensitive_super_attribute", "off", Values::OnlyDefault),
    ("enable_result_cache_for_session", "on", Values::Boolean),
    ("enable_vacuum_boost", "off", Values::Boolean),
    ("error_on_nondeterministic_update", "off", Values::OnlyDefault),
    ("extra_float_digits", "0", Values::OnlyDefault),
    ("json_parse_dedup_attributes", "off", Values::OnlyDefault),
    ("json_parse_truncate_strings", "off", Values::OnlyDefault),
    ("json_serialization_enable", "off", Values::OnlyDefault),
    ("json_serialization_parse_nested_strings", "off", Values::OnlyDefault),
    ("mv_enable_aqmv_for_session", "on", Values::Boolean),
    ("navigate_super_null_on_error", "on", Values::OnlyDefault),
    ("query_group", "unset", Values::Any),
    ("search_path", "\"$user\", public", Values::Any),
    ("server_version", "8.0.2", Values::OnlyDefault),
    ("statement_timeout", "0", Values::Number(0, i32::MAX as i64)),
    ("timezone", "UTC", Values::Any),
    ("wlm_query_slot_count", "1", Values::Number(1, 50)),
];

/// What a session has set.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    values: BTreeMap<String, String>,
    /// The schemas that are searched; empty for the default.
    path: Vec<String>,
}

impl Settings {
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let default = || PARAMETERS.iter().find(|(known, ..)| *known == name);
        let set = self.values.get(name).cloned();
        set.or_else(|| default().map(|(_, default, _)| (*default).to_owned()))
    }

    fn timeout_milliseconds(&self) -> u64 {
        self.values.get("statement_timeout").and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

fn unknown(name: &str) -> SqlError {
    SqlError::new(format!("unrecognized configuration parameter \"{name}\""))
}

fn invalid(name: &str, value: &str) -> SqlError {
    SqlError::new(format!("invalid value for parameter \"{name}\": \"{value}\""))
}

/// One value in the words of SHOW, checked against what the parameter takes.
fn checked(name: &str, values: &[String]) -> Result<String, SqlError> {
    let text = values.join(", ");
    if name.contains('.') {
        return Ok(text);
    }
    let known = PARAMETERS.iter().find(|(known, ..)| *known == name);
    let (_, default, kind) = known.ok_or_else(|| unknown(name))?;
    let word = match text.to_lowercase().as_str() {
        "true" | "on" | "1" | "t" => "on",
        "false" | "off" | "0" | "f" => "off",
        _ => "",
    };
    match kind {
        Values::Any => Ok(text),
        Values::Number(least, most) => match text.parse::<i64>() {
            Ok(number) if (*least..=*most).contains(&number) => Ok(text),
            _ => Err(invalid(name, &text)),
        },
        Values::Boolean if word.is_empty() => Err(invalid(name, &text)),
        Values::Boolean => Ok(word.to_owned()),
        Values::OnlyDefault => {
            let plain = |text: &str| text.to_lowercase().replace([' ', '-'], "");
            if word == *default || plain(&text) == plain(default) {
                return Ok((*default).to_owned());
            }
            Err(SqlError::unsupported(&format!("SET {name} TO {text}")))
        }
    }
}

impl Session {
    /// SET, and RESET when there are no values.
    pub(super) fn set(&mut self, setting: Setting) -> Result<Done, SqlError> {
        let Setting { name, values, local } = setting;
        if self.in_block() {
            self.settings_before.get_or_insert_with(|| self.settings.clone());
        }
        if local && !self.in_block() {
            return Err(SqlError::unsupported("SET LOCAL outside a transaction block"));
        }
        let mut next = self.settings.clone();
        if values.is_empty() {
            next.get(&name).ok_or_else(|| unknown(&name))?;
            next.values.remove(&name);
        } else {
            next.values.insert(name.clone(), checked(&name, &values)?);
        }
        match name.as_str() {
            "search_path" => self.set_path(&mut next, values)?,
            "timezone" => self.set_zone(&next)?,
            _ => {}
        }
        if local {
            self.settings_after.get_or_insert_with(|| self.settings.clone());
        } else if let Some(after) = &mut self.settings_after {
            *after = next.clone();
        }
        self.settings = next;
        Ok(Done::default())
    }

    fn set_path(&self, next: &mut Settings, values: Vec<String>) -> Result<(), SqlError> {
        for schema in values.iter().filter(|schema| *schema != "$user" && *schema != "pg_catalog") {
            if !self.has_schema(schema)? {
                return Err(SqlError::new(format!("schema \"{schema}\" does not exist")));
            }
        }
        let shown = values.iter().map(|name| name.replace("$user", "\"$user\""));
        let shown = shown.collect::<Vec<_>>().join(", ");
        next.path = values.into_iter().filter(|schema| !schema.starts_with(['$'])).collect();
        next.path.retain(|schema| schema != "pg_catalog");
        if !next.path.is_empty() {
            next.values.insert("search_path".to_owned(), shown);
        }
        if next.path == ["public"] {
            next.path.clear();
        }
        self.apply_path(next)
    }

    fn apply_path(&self, settings: &Settings) -> Result<(), SqlError> {
        let public = ["public".to_owned()];
        let path = if settings.path.is_empty() { &public[..] } else { &settings.path };
        let database = quoted(self.warehouse.database.name());
        let schemas = path.iter().map(|schema| format!("{database}.{}", quoted(schema)));
        let schemas = schemas.collect::<Vec<_>>().join(",");
        let sql = format!("set search_path = {}", literal(&format!("{schemas},redshift.main")));
        execute(&self.connection, &sql)?;
        let names = literal(&path.join(","));
        execute(&self.connection, &format!("set variable search_path = {names}"))?;
        Ok(())
    }

    /// Names of zones, and offsets of whole hours; an abbreviation is not accepted.
    fn set_zone(&self, settings: &Settings) -> Result<(), SqlError> {
        let zone = settings.get("timezone").unwrap_or_default();
        let hours = zone.strip_suffix(":00").unwrap_or(&zone).parse::<i8>();
        let name = match hours {
            Ok(0) => "UTC".to_owned(),
            // The engine's names of offsets count to the west.
            Ok(hours @ -12..=14) => format!("Etc/GMT{:+}", -hours),
            Ok(_) => return Err(invalid("timezone", &zone)),
            Err(_) if zone.starts_with(['+', '-']) || zone.contains(' ') => {
                return Err(SqlError::unsupported(&format!("SET timezone TO '{zone}'")));
            }
            Err(_) => zone.clone(),
        };
        let known = jiff::tz::TimeZone::get(&name).is_ok();
        if !known {
            return Err(invalid("timezone", &zone));
        }
        execute(&self.connection, &format!("set timezone = {}", literal(&name))).map(|_| ())
    }

    /// Goes back to what was set before the transaction, or before its SET LOCAL.
    pub(super) fn restore_settings(&mut self, settings: Option<Settings>) {
        let Some(settings) = settings else { return };
        let undone = self.apply_path(&settings).and_then(|()| self.set_zone(&settings));
        if let Err(error) = undone {
            tracing::error!(%error, "a session's settings could not be restored");
        }
        self.settings = settings;
    }

    /// How long a statement may take, if SET says so.
    pub(super) fn timeout(&self) -> Option<std::time::Duration> {
        let milliseconds = self.settings.timeout_milliseconds();
        (milliseconds > 0).then(|| std::time::Duration::from_millis(milliseconds))
    }

    /// SHOW.
    pub(super) fn show(&self, name: &str) -> Result<Done, SqlError> {
        let result = if name == "all" {
            let names = PARAMETERS.iter().map(|(name, ..)| (*name).to_owned());
            let row = |name: String| {
                let value = self.settings.get(&name).unwrap_or_default();
                vec![name, value]
            };
            QueryResult::text(&["name", "setting"], names.map(row).collect())
        } else {
            let value = self.settings.get(name).ok_or_else(|| unknown(name))?;
            QueryResult::text(&[name], vec![vec![value]])
        };
        Ok(Done { rows: result.rows.len() as u64, result: Some(result), query_id: 0 })
    }

    /// What SET query_group calls the statements to come.
    pub(super) fn label(&self) -> Option<String> {
        self.settings.values.get("query_group").cloned()
    }

    /// What `current_setting` gives.
    pub(super) fn setting(&self, name: &str) -> Result<String, SqlError> {
        self.settings.get(name).ok_or_else(|| unknown(name))
    }

    /// Whether names without a schema are looked for elsewhere than in `public`.
    pub(super) fn has_path(&self) -> bool {
        !self.settings.path.is_empty()
    }

    /// The schema that a name without one means: the first on the path that has it, else the first.
    pub(super) fn schema_on_path(&self, name: &TableName, new: bool) -> Option<String> {
        if name.schema.is_some() || !new && self.is_temporary(&name.name) {
            return None;
        }
        let has = |schema: &&String| {
            !new && self.definition(schema, &name.name).is_ok_and(|found| found.is_some())
        };
        let path = &self.settings.path;
        path.iter().find(has).or_else(|| path.first()).cloned()
    }
}
