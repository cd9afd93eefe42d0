//! The handlers: read, call one use case, write.

pub(crate) mod authentication;
pub(crate) mod evaluations;
pub(crate) mod events;
pub(crate) mod monitors;
pub(crate) mod objects;
pub(crate) mod projects;
pub(crate) mod runtimes;
pub(crate) mod sessions;
pub(crate) mod status;
pub(crate) mod users;

use std::sync::Arc;

use crate::router::StrategyParts;

/// The use cases, as handlers get them.
type Parts = axum::extract::State<Arc<StrategyParts>>;
