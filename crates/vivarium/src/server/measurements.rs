//! Metrics in the text form of Prometheus.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use vivarium_domain::evaluation::Evaluations;
use vivarium_domain::id::RuntimeId;

use crate::fault::{Context, Outcome};

/// Upper bounds in seconds: from a request answered out of memory to an evaluation of minutes.
const BUCKETS: [f64; 16] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0];

/// Upper bounds in bytes, from a small script to a large one.
const BYTE_BUCKETS: [f64; 9] =
    [MIB, 4.0 * MIB, 16.0 * MIB, 64.0 * MIB, 256.0 * MIB, 1024.0 * MIB, 4096.0 * MIB, 16_384.0 * MIB, 65_536.0 * MIB];
const MIB: f64 = 1_048_576.0;

/// How often samples are put into their buckets when nobody asks for them.
const UPKEEP: Duration = Duration::from_secs(5);

/// All measurements of the process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Measurements {
    handle: PrometheusHandle,
    /// Runtimes that were in the text last time.
    shown: Arc<Mutex<BTreeSet<RuntimeId>>>,
}

impl Measurements {
    /// Starts measuring, once for the process.
    pub(crate) fn start() -> Outcome<Self> {
        let step = "cannot start measuring";
        let builder = PrometheusBuilder::new();
        let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS).context(step)?;
        let bytes = Matcher::Suffix("_memory_bytes".to_owned());
        let builder = builder.set_buckets_for_metric(bytes, &BYTE_BUCKETS).context(step)?;
        let handle = builder.install_recorder().context(step)?;
        describe();
        Ok(Self { handle, shown: Arc::default() })
    }

    /// The text, with how many evaluations are under way.
    pub(crate) fn render(&self, evaluations: &Evaluations) -> String {
        let counts = evaluations.counts();
        metrics::gauge!("vivarium_evaluations_running").set(counts.running as f64);
        metrics::gauge!("vivarium_evaluations_queued").set(counts.queued as f64);
        self.show_pools(evaluations);
        self.handle.render()
    }

    /// A runtime that is gone shows zeros from now on.
    fn show_pools(&self, evaluations: &Evaluations) {
        let mut gone = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shown = BTreeSet::new();
        for (runtime, pool, queued) in evaluations.pools() {
            show_pool(runtime, queued, pool.oldest.unwrap_or_default());
            gone.remove(&runtime);
            shown.insert(runtime);
        }
        for runtime in std::mem::replace(&mut *gone, shown) {
            show_pool(runtime, 0, Duration::ZERO);
        }
    }

    /// Keeps memory bounded until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        while tokio::time::timeout(UPKEEP, shutdown.cancelled()).await.is_err() {
            self.handle.run_upkeep();
        }
    }
}

fn show_pool(runtime: RuntimeId, queued: usize, oldest: Duration) {
    let runtime = [("runtime", runtime.to_string())];
    metrics::gauge!("vivarium_pool_queued", &runtime).set(queued as f64);
    metrics::gauge!("vivarium_pool_oldest_seconds", &runtime).set(oldest.as_secs_f64());
}

fn describe() {
    metrics::describe_counter!(
        vivarium_http::REQUESTS_METRIC,
        "Requests by dialect, method, route and class of status."
    );
    metrics::describe_histogram!(vivarium_http::DURATION_METRIC, "Seconds until the head of the answer.");
    metrics::describe_gauge!("vivarium_evaluations_running", "Evaluations that run on this node.");
    metrics::describe_gauge!("vivarium_evaluations_queued", "Evaluations that wait on this node.");
    metrics::describe_counter!(
        "vivarium_network_refused_total",
        "Attempts of instances to reach what their whitelist does not name, by runtime."
    );
    metrics::describe_counter!(
        "vivarium_evaluations_total",
        "Evaluations that ended, by runtime, state, reason and start."
    );
    describe_sums();
    metrics::describe_histogram!("vivarium_evaluation_seconds", "Seconds that evaluations ran.");
    metrics::describe_histogram!("vivarium_evaluation_queued_seconds", "Seconds that evaluations waited.");
    describe_pool();
}

fn describe_sums() {
    metrics::describe_counter!("vivarium_evaluation_cpu_microseconds_total", "Processor time, by runtime.");
    metrics::describe_counter!("vivarium_evaluation_wall_microseconds_total", "Time that evaluations ran, by runtime.");
    metrics::describe_counter!("vivarium_evaluation_output_bytes_total", "Bytes that scripts wrote, by runtime.");
    metrics::describe_histogram!(
        "vivarium_evaluation_peak_memory_bytes",
        "Most memory that evaluations had at once, by runtime."
    );
}

fn describe_pool() {
    metrics::describe_gauge!("vivarium_pool_parked", "Parked instances, by runtime.");
    metrics::describe_gauge!(
        "vivarium_pool_running",
        "Evaluations that have, or are getting, an instance, by runtime."
    );
    metrics::describe_gauge!("vivarium_pool_queued", "Evaluations that wait for their turn, by runtime.");
    metrics::describe_gauge!("vivarium_pool_oldest_seconds", "How long the oldest parked instance waits, by runtime.");
    metrics::describe_counter!("vivarium_pool_hits_total", "Evaluations that a parked instance ran.");
    metrics::describe_counter!("vivarium_pool_misses_total", "Evaluations that found none though some are to be kept.");
    metrics::describe_counter!("vivarium_pool_starts_total", "Instances that came up and were parked.");
    metrics::describe_counter!("vivarium_pool_failed_starts_total", "Instances that did not come up to be parked.");
    metrics::describe_counter!("vivarium_pool_discards_total", "Parked instances that ended without an evaluation.");
}
