//! Whether the server can do its work, part by part.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;
use vivarium_domain::ports::{Environments, Store};
use vivarium_sandbox::Sandbox;

/// A database that takes longer does not count as answering.
const PATIENCE: Duration = Duration::from_secs(2);

/// What readiness depends on. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Readiness {
    store: Arc<dyn Store>,
    environments: Arc<dyn Environments>,
    sandbox: Sandbox,
    stopping: Arc<AtomicBool>,
}

/// The state of the whole.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Whether every part is.
    pub ready: bool,
    /// The parts.
    pub parts: Vec<Part>,
}

/// The state of one part.
#[derive(Debug, Serialize)]
pub(crate) struct Part {
    name: &'static str,
    ready: bool,
    reason: String,
}

impl Readiness {
    /// Of a node that has been registered.
    pub(crate) fn new(store: Arc<dyn Store>, environments: Arc<dyn Environments>, sandbox: Sandbox) -> Self {
        Self { store, environments, sandbox, stopping: Arc::new(AtomicBool::new(false)) }
    }

    /// Says that the server has begun to end.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Asks all parts.
    pub(crate) async fn report(&self) -> Report {
        let parts = vec![self.database().await, self.node(), self.interpreters(), self.isolation()];
        Report { ready: parts.iter().all(|part| part.ready), parts }
    }

    async fn database(&self) -> Part {
        let name = "database";
        match tokio::time::timeout(PATIENCE, self.store.ping()).await {
            Ok(Ok(())) => Part { name, ready: true, reason: "answers".to_owned() },
            // The cause may hold addresses; it goes to the log.
            Ok(Err(error)) => {
                tracing::warn!(error = crate::fault::chain(&error), "the database does not answer");
                Part { name, ready: false, reason: "does not answer; the log says why".to_owned() }
            }
            Err(_) => Part { name, ready: false, reason: format!("does not answer within {} s", PATIENCE.as_secs()) },
        }
    }

    fn node(&self) -> Part {
        let stopping = self.stopping.load(Ordering::Relaxed);
        let reason = if stopping { "the server is stopping" } else { "registered" };
        Part { name: "node", ready: !stopping, reason: reason.to_owned() }
    }

    fn interpreters(&self) -> Part {
        let versions: Vec<_> =
            self.environments.interpreters().iter().map(|interpreter| interpreter.version.to_string()).collect();
        let reason = if versions.is_empty() { "none was found".to_owned() } else { versions.join(", ") };
        Part { name: "interpreters", ready: !versions.is_empty(), reason }
    }

    fn isolation(&self) -> Part {
        let missing: Vec<_> = self.sandbox.missing().iter().map(|layer| layer.name()).collect();
        let lowered = || format!("without {}, as configured", missing.join(", "));
        let reason = if missing.is_empty() { "whole".to_owned() } else { lowered() };
        Part { name: "sandbox", ready: true, reason }
    }
}
