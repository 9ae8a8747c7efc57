//! Connections that are kept between requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use super::submit::new_id;
use crate::engine::{Session, Warehouse};
use crate::protocol::{ApiError, Execute};

/// Sessions that are kept at once.
const SESSIONS_MAX: usize = 500;
/// The longest life of a session, in seconds, however often it is used.
const LIFE_SECONDS_MAX: u64 = 86_400;

/// The connection of a kept session, which one statement at a time may use.
#[derive(Default)]
pub(crate) enum Kept {
    /// No statement has come to it yet.
    #[default]
    Unopened,
    Open(Box<Session>),
    /// Somebody has ended it.
    Closed,
}

/// A kept session's connection, shared by its statements and by what ends it.
pub(crate) type Connection = Arc<tokio::sync::Mutex<Kept>>;

struct KeptSession {
    connection: Connection,
    request: Execute,
    keep: Duration,
    made: SystemTime,
    /// When its last statement ended.
    used: SystemTime,
    /// Statements under way.
    active: usize,
}

impl KeptSession {
    fn ends(&self) -> SystemTime {
        let last = self.made + Duration::from_secs(LIFE_SECONDS_MAX);
        last.min(self.used + self.keep)
    }
}

/// All kept sessions of a warehouse.
#[derive(Default)]
pub(super) struct Sessions {
    by_id: Mutex<HashMap<String, KeptSession>>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, KeptSession>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session if the request asks for one. It ends by itself, whether or not anybody asks.
    pub(super) fn open(
        self: &Arc<Self>,
        request: &Execute,
        warehouse: &Arc<Warehouse>,
    ) -> Result<Option<String>, ApiError> {
        let keep = request.session_keep_alive_seconds.filter(|seconds| *seconds > 0);
        let Some(keep) = keep else { return Ok(None) };
        let now = warehouse.clock_now();
        let id = new_id();
        let kept = KeptSession {
            connection: Connection::default(),
            request: request.clone(),
            keep: Duration::from_secs(keep.unsigned_abs()),
            made: now,
            used: now,
            active: 0,
        };
        let mut sessions = self.lock();
        if sessions.len() >= SESSIONS_MAX {
            return Err(ApiError::too_many_sessions(SESSIONS_MAX));
        }
        sessions.insert(id.clone(), kept);
        drop(sessions);
        let expiry = expire(Arc::downgrade(self), id.clone(), Arc::downgrade(warehouse));
        warehouse.runtime.spawn(expiry);
        Ok(Some(id))
    }

    /// Fills a request from the session that it names.
    pub(super) fn fill(
        &self,
        id: &str,
        request: &mut Execute,
        now: SystemTime,
    ) -> Result<(), ApiError> {
        let mut sessions = self.lock();
        let kept = sessions.get_mut(id).filter(|kept| kept.active > 0 || kept.ends() > now);
        let kept =
            kept.ok_or_else(|| ApiError::not_found(format!("Session {id} is not available.")))?;
        if let Some(seconds) = request.session_keep_alive_seconds {
            kept.keep = Duration::from_secs(seconds.unsigned_abs());
        }
        request.connection = kept.request.connection.clone();
        Ok(())
    }

    /// A statement begins to use, or to wait for, the session.
    pub(super) fn begin(&self, id: &str) -> Option<Connection> {
        let mut sessions = self.lock();
        let kept = sessions.get_mut(id)?;
        kept.active += 1;
        Some(Arc::clone(&kept.connection))
    }

    /// The statement has ended: only now the session's time begins to run.
    pub(super) fn end(&self, id: &str, now: SystemTime) {
        if let Some(kept) = self.lock().get_mut(id) {
            kept.active -= 1;
            kept.used = now;
        }
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// How long until the session ends; `None` once it has been closed.
    fn remaining(&self, id: &str, now: SystemTime) -> Option<Duration> {
        let mut sessions = self.lock();
        let kept = sessions.get(id)?;
        let left = match kept.active {
            0 => kept.ends().duration_since(now).unwrap_or_default(),
            // It cannot end before its statement does.
            _ => kept.keep.max(Duration::from_secs(1)),
        };
        if !left.is_zero() {
            return Some(left);
        }
        let ended = sessions.remove(id);
        drop(sessions);
        // Rolls its transaction back and frees its locks.
        tokio::task::spawn_blocking(move || drop(ended));
        None
    }
}

async fn expire(sessions: Weak<Sessions>, id: String, warehouse: Weak<Warehouse>) {
    loop {
        let sleep = {
            let (Some(sessions), Some(warehouse)) = (sessions.upgrade(), warehouse.upgrade())
            else {
                return;
            };
            let left = sessions.remaining(&id, warehouse.clock_now());
            let Some(left) = left else { return };
            warehouse.clock.sleep(left)
        };
        sleep.await;
    }
}

/// What ends a kept connection when somebody terminates it: as soon as no statement uses it.
pub(super) fn closes(
    connection: &Connection,
    warehouse: &Warehouse,
) -> Arc<dyn Fn() + Send + Sync> {
    let connection = Arc::downgrade(connection);
    let runtime = warehouse.runtime.clone();
    Arc::new(move || {
        let Some(connection) = connection.upgrade() else { return };
        runtime.spawn(async move {
            let mut kept = connection.lock_owned().await;
            let _ = tokio::task::spawn_blocking(move || *kept = Kept::Closed).await;
        });
    })
}
