//! Taking a statement or batch in.

use std::sync::Arc;
use std::time::SystemTime;

use rand::RngCore;

use super::known::Known;
use super::{ACTIVE_STATEMENTS_MAX, Statement, Statements};
use crate::dialect::{Parameter, parameter_names, statements};
use crate::protocol::{ApiError, Connection, Execute};

/// The longest text of one request, in bytes.
const TEXT_BYTES_MAX: usize = 100 * 1024;
/// Statements of one batch.
const BATCH_STATEMENTS_MAX: usize = 40;
/// The longest statement name, in characters.
const NAME_CHARACTERS_MAX: usize = 2_048;
/// The longest client token, in characters.
const TOKEN_CHARACTERS_MAX: usize = 64;
/// The longest time a session is kept, in seconds.
const KEEP_ALIVE_SECONDS_MAX: i64 = 86_400;

impl Statements {
    /// Checks a request and starts it, or gives the statement that its token already made.
    pub(crate) fn submit(
        &self,
        mut request: Execute,
        batch: bool,
    ) -> Result<Arc<Statement>, ApiError> {
        let kept = request.session_id.clone();
        let now = self.warehouse.clock_now();
        match &kept {
            Some(id) => self.sessions.fill(id, &mut request, now)?,
            None => self.check_connection(&request.connection)?,
        }
        check(&request, batch)?;
        let statement = {
            let mut known = self.lock();
            known.forget_old(now);
            if let Some(found) = known_token(&known, &request, batch, now)? {
                return Ok(found);
            }
            // The end of a transaction is always taken in: the others may be waiting for it.
            let ends = kept.is_some() && ends_transaction(&request);
            if known.active().len() >= ACTIVE_STATEMENTS_MAX && !ends {
                return Err(ApiError::too_many_statements(ACTIVE_STATEMENTS_MAX));
            }
            let session = match kept {
                Some(id) => Some(id),
                None => self.sessions.open(&request, &self.warehouse)?,
            };
            let statement = Arc::new(Statement::new(new_id(), now, request, batch, session));
            // Before anything is done: a client that asks again with the same token after a
            // crash must find what it submitted.
            self.journal.submitted(&statement);
            known.add(Arc::clone(&statement));
            statement
        };
        self.start(Arc::clone(&statement));
        Ok(statement)
    }

    /// Whether a request names this warehouse and its database.
    pub(crate) fn check_connection(&self, connection: &Connection) -> Result<(), ApiError> {
        connection.check()?;
        let named = connection.workgroup_name.as_ref().or(connection.cluster_identifier.as_ref());
        if self.warehouse.workgroup.as_ref().is_some_and(|only| named != Some(only)) {
            return Err(ApiError::validation("Redshift endpoint doesn't exist in this region."));
        }
        match &connection.database {
            None => Err(ApiError::validation("Database must be specified.")),
            Some(name) if name == self.warehouse.database.name() => Ok(()),
            Some(name) => {
                Err(ApiError::validation(format!("FATAL: database \"{name}\" does not exist")))
            }
        }
    }
}

/// Whether it is the one statement COMMIT, or what means the same or the opposite.
fn ends_transaction(request: &Execute) -> bool {
    let text = request.sql.as_deref().unwrap_or_default();
    let first = text.split(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty());
    let ends = ["commit", "end", "rollback", "abort"];
    first.is_some_and(|first| ends.iter().any(|word| first.eq_ignore_ascii_case(word)))
}

/// The statement that this token made, if it made the same one.
fn known_token(
    known: &Known,
    request: &Execute,
    batch: bool,
    now: SystemTime,
) -> Result<Option<Arc<Statement>>, ApiError> {
    let Some(token) = &request.client_token else { return Ok(None) };
    let Some(found) = known.of_token(token, now) else { return Ok(None) };
    let same = Execute { wait_time_seconds: None, ..request.clone() }
        == Execute { wait_time_seconds: None, ..found.request.clone() };
    if same && found.batch == batch {
        return Ok(Some(Arc::clone(found)));
    }
    Err(ApiError::validation(
        "Idempotent parameter mismatch: the ClientToken was used with other parameters.",
    ))
}

/// An id as the service makes them.
pub(super) fn new_id() -> String {
    let mut bytes = [0_u8; 16];
    rand::rng().fill_bytes(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits = hex::encode(bytes);
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}

fn check(request: &Execute, batch: bool) -> Result<(), ApiError> {
    let too_long = |what: &str, most: usize| {
        Err(ApiError::validation(format!(
            "1 validation error detected: Value at '{what}' failed to satisfy constraint: Member \
             must have length less than or equal to {most}"
        )))
    };
    let texts: Vec<&String> = match batch {
        true => request.sqls.iter().flatten().collect(),
        false => request.sql.iter().collect(),
    };
    if texts.is_empty() || texts.iter().any(|text| text.trim().is_empty()) {
        return Err(ApiError::validation("SQL statement must not be empty."));
    }
    if texts.len() > BATCH_STATEMENTS_MAX {
        return too_long("sqls", BATCH_STATEMENTS_MAX);
    }
    if texts.iter().map(|text| text.len()).sum::<usize>() > TEXT_BYTES_MAX {
        return Err(ApiError::validation(
            "Query string length exceeds the maximum allowed length of 100 KB.",
        ));
    }
    if request
        .statement_name
        .as_ref()
        .is_some_and(|name| name.chars().count() > NAME_CHARACTERS_MAX)
    {
        return too_long("statementName", NAME_CHARACTERS_MAX);
    }
    match request.client_token.as_ref().map(|token| token.chars().count()) {
        Some(0) => {
            return Err(ApiError::validation(
                "Value at 'clientToken' failed to satisfy constraint: Member must have length \
                 greater than or equal to 1",
            ));
        }
        Some(length) if length > TOKEN_CHARACTERS_MAX => {
            return too_long("clientToken", TOKEN_CHARACTERS_MAX);
        }
        _ => {}
    }
    if !matches!(request.result_format.as_deref(), None | Some("JSON" | "CSV")) {
        return Err(ApiError::validation("ResultFormat must be JSON or CSV."));
    }
    if !matches!(request.execution_mode.as_deref(), None | Some("TRANSACTION" | "AUTO_COMMIT")) {
        return Err(ApiError::validation("ExecutionMode must be TRANSACTION or AUTO_COMMIT."));
    }
    let keep = request.session_keep_alive_seconds.unwrap_or(0);
    if !(0..=KEEP_ALIVE_SECONDS_MAX).contains(&keep) {
        return too_long("sessionKeepAliveSeconds", 86_400);
    }
    check_parameters(request, &texts)
}

/// Every parameter must be used, and every use must have its parameter.
fn check_parameters(request: &Execute, texts: &[&String]) -> Result<(), ApiError> {
    let parameters = parameters(request);
    if request.parameters.as_ref().is_some_and(Vec::is_empty) {
        return Err(ApiError::validation("Parameters list must not be empty."));
    }
    for parameter in &parameters {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if parameter.name.is_empty() || !parameter.name.chars().all(plain) {
            return Err(ApiError::validation(format!(
                "Parameter name {:?} must satisfy regular expression pattern: [0-9a-zA-Z_]+",
                parameter.name
            )));
        }
        if parameter.value.is_empty() {
            return Err(ApiError::validation(format!(
                "Parameter {} must have a value of at least one character.",
                parameter.name
            )));
        }
    }
    if parameters.is_empty() {
        return Ok(());
    }
    let mut used = std::collections::BTreeSet::new();
    for text in texts {
        // What cannot be read fails when it runs.
        for tokens in statements(text).unwrap_or_default() {
            used.extend(parameter_names(&tokens));
        }
    }
    match parameters.iter().find(|parameter| !used.contains(&parameter.name.to_lowercase())) {
        None => Ok(()),
        Some(unused) => Err(ApiError::validation(format!(
            "Parameters: [{}] are not used in the SQL statement.",
            unused.name
        ))),
    }
}

/// The request's parameters.
pub(super) fn parameters(request: &Execute) -> Vec<Parameter> {
    let parameters = request.parameters.iter().flatten();
    parameters.map(|one| Parameter { name: one.name.clone(), value: one.value.clone() }).collect()
}
