//! The time limit of a request, which a handler may push back.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;
use tokio::sync::watch;
use tokio::time::Instant;

/// Until when a request must have its answer. It does not count for a body that streams after the head of the answer.
#[derive(Debug, Clone)]
pub struct Deadline {
    until: Arc<watch::Sender<Option<Instant>>>,
    limit: Duration,
}

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Self {
        Self { until: Arc::new(watch::Sender::new(Some(Instant::now() + limit))), limit }
    }

    /// Gives the request at least `wait` and its usual limit from now on: for long polls.
    pub fn extend(&self, wait: Duration) {
        let wanted = Instant::now() + wait + self.limit;
        self.until.send_modify(|until| *until = until.map(|until| until.max(wanted)));
    }

    /// Takes the limit away.
    pub fn lift(&self) {
        self.until.send_replace(None);
    }

    /// Returns when the limit has passed.
    pub(crate) async fn passed(&self) {
        let mut changes = self.until.subscribe();
        loop {
            let until = *changes.borrow_and_update();
            tokio::select! {
                () = sleep_until(until) => return,
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }
}

async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Deadline {
    type Rejection = Infallible;

    /// Outside a [`crate::Front`] there is no limit, and the handle has no effect.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let unlimited = || Self { until: Arc::new(watch::Sender::new(None)), limit: Duration::ZERO };
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(unlimited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pushed_back_deadline_passes_later_and_a_lifted_one_never() {
        let deadline = Deadline::after(Duration::from_secs(5));
        deadline.extend(Duration::from_secs(60));
        let begin = Instant::now();
        deadline.passed().await;
        assert_eq!(begin.elapsed().as_secs(), 65);
        let deadline = Deadline::after(Duration::from_secs(5));
        deadline.lift();
        assert!(tokio::time::timeout(Duration::from_secs(3600), deadline.passed()).await.is_err());
    }
}
