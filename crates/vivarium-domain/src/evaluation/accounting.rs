//! What evaluations took, in the metrics: sums for each runtime, never by user or script.

use std::time::Duration;

use super::model::{Evaluation, ExitReason};

/// Counts an evaluation whose end is in the store. One that never started has neither waited nor run for any time that
/// would say something about others.
pub(super) fn count(record: &Evaluation) {
    let (runtime, usage) = (record.runtime.to_string(), &record.usage);
    let state = record.state.code().to_string();
    let reason = usage.reason.map_or("unknown", ExitReason::name);
    let warm = if usage.warm { "warm" } else { "cold" };
    let labels = [("runtime", runtime.clone()), ("state", state), ("reason", reason.into()), ("start", warm.into())];
    metrics::counter!("vivarium_evaluations_total", &labels).increment(1);
    let runtime = [("runtime", runtime)];
    let output = usage.stdout_bytes + usage.stderr_bytes;
    metrics::counter!("vivarium_evaluation_cpu_microseconds_total", &runtime).increment(usage.cpu_micros);
    metrics::counter!("vivarium_evaluation_wall_microseconds_total", &runtime).increment(usage.wall_micros);
    metrics::counter!("vivarium_evaluation_output_bytes_total", &runtime).increment(output);
    if record.started.is_none() {
        return;
    }
    let seconds = |micros: u64| Duration::from_micros(micros).as_secs_f64();
    metrics::histogram!("vivarium_evaluation_queued_seconds", &runtime).record(seconds(usage.queued_micros));
    if reason != ExitReason::ServerRestarted.name() {
        metrics::histogram!("vivarium_evaluation_seconds", &runtime).record(seconds(usage.wall_micros));
        #[allow(clippy::cast_precision_loss, reason = "a metric")]
        let peak = usage.peak_memory_bytes as f64;
        metrics::histogram!("vivarium_evaluation_peak_memory_bytes", &runtime).record(peak);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;
    use crate::evaluation::{EvaluationState, Usage};
    use crate::id::{EvaluationId, NodeId, RevisionId, RuntimeId, UserId};
    use crate::time::Timestamp;

    fn record(reason: ExitReason, started: bool) -> Evaluation {
        let now = Timestamp::from_micros(1);
        let usage = Usage {
            queued_micros: 2_000_000,
            wall_micros: 3_000_000,
            cpu_micros: 7,
            peak_memory_bytes: 4096,
            warm: true,
            stdout_bytes: 5,
            stderr_bytes: 6,
            reason: Some(reason),
        };
        Evaluation {
            id: EvaluationId::random(),
            user: UserId::random(),
            runtime: RuntimeId::from_u128(1),
            revision: RevisionId::random(),
            node: NodeId::random(),
            state: EvaluationState::Error,
            message: None,
            stdout: Vec::new(),
            stderr: Vec::new(),
            output: None,
            usage,
            created: now,
            started: started.then_some(now),
            finished: Some(now),
        }
    }

    /// Name and labels, and what was counted or observed.
    fn counted(record: &Evaluation) -> BTreeMap<String, Vec<f64>> {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        metrics::with_local_recorder(&recorder, || count(record));
        let entries = snapshotter.snapshot().into_vec().into_iter();
        let entry = |(key, _, _, value): (metrics_util::CompositeKey, _, _, DebugValue)| {
            let labels: Vec<_> = key.key().labels().map(|label| label.value().to_owned()).skip(1).collect();
            let values = match value {
                DebugValue::Counter(number) => vec![f64::from(u32::try_from(number).unwrap_or(u32::MAX))],
                DebugValue::Gauge(number) => vec![number.into()],
                DebugValue::Histogram(numbers) => numbers.into_iter().map(f64::from).collect(),
            };
            ([vec![key.key().name().trim_start_matches("vivarium_").to_owned()], labels].concat().join(" "), values)
        };
        entries.map(entry).collect()
    }

    fn expected(pairs: &[(&str, f64)]) -> BTreeMap<String, Vec<f64>> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), vec![*value])).collect()
    }

    const SUMS: [(&str, f64); 3] = [
        ("evaluation_cpu_microseconds_total", 7.0),
        ("evaluation_wall_microseconds_total", 3_000_000.0),
        ("evaluation_output_bytes_total", 11.0),
    ];

    #[test]
    fn one_that_ran_is_counted_summed_and_observed() {
        let own = [
            ("evaluations_total 4 memory-limit warm", 1.0),
            ("evaluation_queued_seconds", 2.0),
            ("evaluation_seconds", 3.0),
            ("evaluation_peak_memory_bytes", 4096.0),
        ];
        assert_eq!(counted(&record(ExitReason::MemoryLimit, true)), expected(&[&SUMS[..], &own].concat()));
    }

    #[test]
    fn one_that_never_started_is_counted_and_not_observed() {
        let own = [("evaluations_total 4 not-started warm", 1.0)];
        assert_eq!(counted(&record(ExitReason::NotStarted, false)), expected(&[&SUMS[..], &own].concat()));
    }

    #[test]
    fn of_one_that_a_restart_ended_only_the_waiting_is_known() {
        let own = [("evaluations_total 4 server-restarted warm", 1.0), ("evaluation_queued_seconds", 2.0)];
        assert_eq!(counted(&record(ExitReason::ServerRestarted, true)), expected(&[&SUMS[..], &own].concat()));
    }
}
