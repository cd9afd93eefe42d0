//! Evaluations (contract 7.2).

use serde::Serialize;
use vivarium_domain::evaluation::{Evaluation, ExitReason};

use super::date::date;

/// An evaluation. `results` appears with the final state and never before.
#[derive(Debug, Serialize)]
pub(crate) struct EvaluationDocument {
    id: String,
    status: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Results>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

/// What a script wrote and returned; `output` is JSON in a text.
#[derive(Debug, Serialize)]
struct Results {
    stdout: String,
    stderr: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
}

/// What an evaluation took, in milliseconds and bytes: an addition of this server.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    queued_milliseconds: u64,
    wall_milliseconds: u64,
    cpu_milliseconds: u64,
    peak_memory_bytes: u64,
    /// Whether a parked instance ran it.
    warm: bool,
    /// Bytes written, those beyond the output limit included.
    stdout_bytes: u64,
    stderr_bytes: u64,
    /// Why it ended, in a word; absent in records of older servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// When its process started or a parked one took it, in the format of other dates; absent if none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<String>,
    /// Id of the node that ran it.
    node: String,
}

impl From<Evaluation> for EvaluationDocument {
    fn from(evaluation: Evaluation) -> Self {
        let is_final = evaluation.state.is_final();
        Self {
            id: evaluation.id.to_string(),
            status: evaluation.state.code(),
            results: is_final.then(|| Results::of(&evaluation)),
            usage: is_final.then(|| Usage::of(&evaluation)),
            message: evaluation.message,
        }
    }
}

impl Results {
    fn of(evaluation: &Evaluation) -> Self {
        let (stdout, stderr) = (evaluation.stdout_text(), evaluation.stderr_text());
        Self { stdout, stderr, output: evaluation.output.clone() }
    }
}

impl Usage {
    fn of(evaluation: &Evaluation) -> Self {
        let usage = evaluation.usage;
        Self {
            queued_milliseconds: usage.queued_micros / 1000,
            wall_milliseconds: usage.wall_micros / 1000,
            cpu_milliseconds: usage.cpu_micros / 1000,
            peak_memory_bytes: usage.peak_memory_bytes,
            warm: usage.warm,
            stdout_bytes: usage.stdout_bytes,
            stderr_bytes: usage.stderr_bytes,
            reason: usage.reason.map(ExitReason::name),
            started: evaluation.started.map(date),
            node: evaluation.node.to_string(),
        }
    }
}
