//! What a pool has done for a runtime since the server began, for `/metrics` and for whoever asks.

use metrics::{counter, gauge};
use vivarium_domain::id::RuntimeId;

/// Counters of one runtime.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    pub(super) running: usize,
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) started: u64,
    pub(super) failed: u64,
    pub(super) discarded: u64,
}

impl Counters {
    pub(super) fn hit(&mut self, runtime: RuntimeId) {
        self.hits += 1;
        counter!("vivarium_pool_hits_total", "runtime" => runtime.to_string()).increment(1);
    }

    pub(super) fn miss(&mut self, runtime: RuntimeId) {
        self.misses += 1;
        counter!("vivarium_pool_misses_total", "runtime" => runtime.to_string()).increment(1);
    }

    pub(super) fn start(&mut self, runtime: RuntimeId) {
        self.started += 1;
        counter!("vivarium_pool_starts_total", "runtime" => runtime.to_string()).increment(1);
    }

    pub(super) fn fail(&mut self, runtime: RuntimeId) {
        self.failed += 1;
        counter!("vivarium_pool_failed_starts_total", "runtime" => runtime.to_string()).increment(1);
    }

    pub(super) fn discard(&mut self, runtime: RuntimeId) {
        self.discarded += 1;
        counter!("vivarium_pool_discards_total", "runtime" => runtime.to_string()).increment(1);
    }
}

/// Says how many are there now.
pub(super) fn show_parked(runtime: RuntimeId, parked: usize) {
    gauge!("vivarium_pool_parked", "runtime" => runtime.to_string()).set(number(parked));
}

/// Says how many run now.
pub(super) fn show_running(runtime: RuntimeId, running: usize) {
    gauge!("vivarium_pool_running", "runtime" => runtime.to_string()).set(number(running));
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
