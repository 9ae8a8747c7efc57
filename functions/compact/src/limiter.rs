//! How many objects are read at once: as many as allowed while S3 keeps up, half as many when it
//! throttles, then one more at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Throttles within this time of each other count as one: those requests were already on their way.
const CUT_PAUSE: Duration = Duration::from_millis(500);

/// A limit that adapts to S3.
#[derive(Debug)]
pub struct Limiter {
    permits: Arc<Semaphore>,
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Permits in use above the limit; they are dropped after use.
    surplus: usize,
    /// Successful reads since the limit last changed.
    went_well: usize,
    cut_at: Option<Instant>,
}

/// The permit to read one object, while it is held.
#[derive(Debug)]
pub struct Permit {
    limiter: Arc<Limiter>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Limiter {
    /// Starts with the maximum.
    pub fn new(most: usize) -> Arc<Self> {
        let state = State { limit: most, surplus: 0, went_well: 0, cut_at: None };
        let permits = Arc::new(Semaphore::new(most));
        Arc::new(Self { permits, most, state: Mutex::new(state) })
    }

    /// Waits for a permit, first come, first served.
    pub async fn leave(self: &Arc<Self>) -> Permit {
        // The semaphore is never closed; if it were, reading would continue without a limit.
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        Permit { limiter: Arc::clone(self), permit }
    }

    /// S3 has throttled a request.
    pub fn slow_down(&self) {
        let mut state = self.lock();
        let now = Instant::now();
        if state.cut_at.is_some_and(|cut_at| now - cut_at < CUT_PAUSE) {
            return;
        }
        let limit = (state.limit / 2).max(1);
        let cut = state.limit - limit;
        state.surplus += cut - self.permits.forget_permits(cut);
        (state.limit, state.went_well, state.cut_at) = (limit, 0, Some(now));
        tracing::warn!(limit, "S3 asks to slow down");
    }

    /// S3 has served an object.
    pub fn went_well(&self) {
        let mut state = self.lock();
        state.went_well += 1;
        if state.limit < self.most && state.went_well >= state.limit {
            (state.limit, state.went_well) = (state.limit + 1, 0);
            match state.surplus {
                0 => self.permits.add_permits(1),
                _ => state.surplus -= 1,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.limiter.lock();
        if state.surplus > 0 {
            state.surplus -= 1;
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_limit_is_halved_once_for_one_burst_and_grows_back() {
        let limiter = Limiter::new(8);
        let held: Vec<Permit> = vec![limiter.leave().await, limiter.leave().await];
        limiter.slow_down();
        limiter.slow_down();
        assert_eq!(limiter.lock().limit, 4);
        assert_eq!(limiter.permits.available_permits(), 2);
        drop(held);
        assert_eq!(limiter.permits.available_permits(), 4);
        for _ in 0..4 + 5 + 6 + 7 + 100 {
            limiter.went_well();
        }
        assert_eq!((limiter.lock().limit, limiter.permits.available_permits()), (8, 8));
    }

    #[tokio::test(start_paused = true)]
    async fn permits_in_use_end_with_their_use() {
        let limiter = Limiter::new(4);
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(limiter.leave().await);
        }
        limiter.slow_down();
        tokio::time::advance(CUT_PAUSE).await;
        limiter.slow_down();
        tokio::time::advance(CUT_PAUSE).await;
        limiter.slow_down();
        assert_eq!(limiter.lock().limit, 1);
        drop(held);
        assert_eq!(limiter.permits.available_permits(), 1);
    }
}
