//! The parked instances of a runtime: an addition of this server.

use serde::Serialize;
use vivarium_domain::runtime::RuntimePool;

/// What the node that answers keeps of a runtime, and what it has done since it began.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PoolDocument {
    min_cached_instances: u32,
    max_cached_instances: u32,
    parked: usize,
    starting: usize,
    running: usize,
    queued: usize,
    hits: u64,
    misses: u64,
    started: u64,
    failed: u64,
    discarded: u64,
    /// Absent where nothing is parked.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_parked_seconds: Option<u64>,
}

impl From<RuntimePool> for PoolDocument {
    fn from(RuntimePool { state, queued }: RuntimePool) -> Self {
        Self {
            min_cached_instances: state.min,
            max_cached_instances: state.max,
            parked: state.parked,
            starting: state.starting,
            running: state.running,
            queued,
            hits: state.hits,
            misses: state.misses,
            started: state.started,
            failed: state.failed,
            discarded: state.discarded,
            oldest_parked_seconds: state.oldest.map(|age| age.as_secs()),
        }
    }
}
