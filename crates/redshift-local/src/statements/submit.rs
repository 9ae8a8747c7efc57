//! Taking a statement or batch in.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rand::RngCore;

use super::{
    ACTIVE_STATEMENTS_MAX, KEPT_HOURS, KeptSession, Known, Statement, Statements, TOKEN_HOURS,
};
use crate::dialect::{Parameter, parameter_names, statements};
use crate::protocol::{ApiError, Execute};

/// The longest text of one request, in bytes.
const TEXT_BYTES_MAX: usize = 100 * 1024;
/// Results that are kept in all, in bytes.
const RESULTS_BYTES_MAX: u64 = 1_000_000_000;
/// Statements of one batch.
const BATCH_STATEMENTS_MAX: usize = 40;
/// The longest statement name, in characters.
const NAME_CHARACTERS_MAX: usize = 500;
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
        match &kept {
            Some(id) => self.fill_from_session(id, &mut request)?,
            None => {
                request.connection.check()?;
                self.check_database(&request)?;
            }
        }
        check(&request, batch)?;
        let now = self.warehouse.clock_now();
        let statement = {
            let mut known = self.lock();
            self.forget_old(&mut known);
            if let Some(found) = known_token(&known, &request, batch)? {
                return Ok(found);
            }
            let active = known.by_id.values().filter(|one| !one.lock().status.has_ended()).count();
            if active >= ACTIVE_STATEMENTS_MAX {
                return Err(ApiError::too_many_statements(ACTIVE_STATEMENTS_MAX));
            }
            let session = kept.or_else(|| self.new_session(&request));
            let statement = Arc::new(Statement::new(new_id(), now, request, batch, session));
            // Before anything is done: a client that asks again with the same token after a
            // crash must find what it submitted.
            self.journal.submitted(&statement);
            if let Some(token) = &statement.request.client_token {
                known.by_token.insert(token.clone(), statement.id.clone());
            }
            known.by_id.insert(statement.id.clone(), Arc::clone(&statement));
            statement
        };
        self.start(Arc::clone(&statement));
        Ok(statement)
    }

    fn check_database(&self, request: &Execute) -> Result<(), ApiError> {
        match &request.connection.database {
            None => Err(ApiError::validation("Database must be specified.")),
            Some(name) if name == self.warehouse.database.name() => Ok(()),
            Some(name) => {
                Err(ApiError::validation(format!("FATAL: database \"{name}\" does not exist")))
            }
        }
    }

    /// Forgets what is older than a day, and tokens older than eight hours.
    fn forget_old(&self, known: &mut Known) {
        let now = self.warehouse.clock_now();
        let age = |statement: &Statement| now.duration_since(statement.created).unwrap_or_default();
        let hours = |count: u64| Duration::from_secs(count * 3600);
        let Known { by_id, by_token } = known;
        by_id.retain(|_, one| age(one) < hours(KEPT_HOURS) || !one.lock().status.has_ended());
        free_results(by_id.values().cloned().collect());
        by_token.retain(|_, id| by_id.get(id).is_some_and(|one| age(one) < hours(TOKEN_HOURS)));
    }

    fn new_session(&self, request: &Execute) -> Option<String> {
        let keep = request.session_keep_alive_seconds.filter(|seconds| *seconds > 0)?;
        let id = new_id();
        let kept = KeptSession {
            session: Arc::default(),
            request: request.clone(),
            keep: Duration::from_secs(keep.unsigned_abs()),
            used: self.warehouse.clock_now(),
        };
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(id.clone(), kept);
        Some(id)
    }

    fn fill_from_session(&self, id: &str, request: &mut Execute) -> Result<(), ApiError> {
        let now = self.warehouse.clock_now();
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, kept| now.duration_since(kept.used).unwrap_or_default() < kept.keep);
        let kept = sessions
            .get_mut(id)
            .ok_or_else(|| ApiError::not_found(format!("Session {id} is not available.")))?;
        kept.used = now;
        if let Some(seconds) = request.session_keep_alive_seconds {
            kept.keep = Duration::from_secs(seconds.unsigned_abs());
        }
        request.connection = kept.request.connection.clone();
        Ok(())
    }
}

/// Lets the oldest results expire early when all of them together take too much memory.
fn free_results(mut statements: Vec<Arc<Statement>>) {
    statements.sort_by_key(|statement| std::cmp::Reverse(statement.created));
    let mut kept = 0;
    for statement in statements {
        let mut state = statement.lock();
        for part in &mut state.parts {
            kept += part.result.as_ref().map_or(0, |result| result.bytes);
            if kept > RESULTS_BYTES_MAX {
                part.result = None;
            }
        }
    }
}

/// The statement that this token made, if it made the same one.
fn known_token(
    known: &Known,
    request: &Execute,
    batch: bool,
) -> Result<Option<Arc<Statement>>, ApiError> {
    let Some(token) = &request.client_token else { return Ok(None) };
    let Some(found) = known.by_token.get(token).and_then(|id| known.by_id.get(id)) else {
        return Ok(None);
    };
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
fn new_id() -> String {
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
