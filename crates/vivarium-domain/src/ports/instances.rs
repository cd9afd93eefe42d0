//! Instances: isolated processes that run one evaluation each.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::evaluation::BoundVariable;
use crate::id::{EvaluationId, RuntimeId};
use crate::runtime::{Resource, Serving};

/// The limits of one evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceLimits {
    /// Processor, memory, disk and processes.
    pub resource: Resource,
    /// Wall clock time.
    pub time: Duration,
    /// Bytes kept of each of standard output and standard error.
    pub output_bytes: usize,
    /// Bytes that the JSON text of the result may have.
    pub result_bytes: usize,
}

/// One evaluation to run.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// Which evaluation.
    pub evaluation: EvaluationId,
    /// In which runtime.
    pub runtime: RuntimeId,
    /// In which environment.
    pub serving: Serving,
    /// The source text, with `$name` for each variable.
    pub source: String,
    /// The variables.
    pub variables: Vec<BoundVariable>,
    /// The limits.
    pub limits: InstanceLimits,
}

/// What happens while an instance runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstanceEvent {
    /// The process is there; the time limit counts from here.
    Started,
    /// It wrote to standard output. No more bytes arrive than the output limit allows; the cut is not marked here.
    Stdout(Vec<u8>),
    /// The same for standard error.
    Stderr(Vec<u8>),
}

/// How an instance ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The script came to its end, or left by `sys.exit(0)`; with what `get_results()` returned as JSON text.
    Completed {
        /// JSON text of the value, absent where there is none.
        output: Option<String>,
    },
    /// An exception, another exit code, a signal; the message says which, and the line.
    Failed {
        /// One line such as `ValueError: bad region (line 3)`.
        message: String,
    },
    /// The time limit.
    TimeLimit,
    /// The memory limit.
    MemoryLimit,
    /// [`Instances::run`]'s token was cancelled.
    Cancelled,
    /// The instance could not be made; nothing of the script ran. The text is for the user and names the layer.
    NotStarted {
        /// Why.
        message: String,
    },
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOutcome {
    /// How it ended.
    pub ending: Ending,
    /// Whether standard output was longer than the limit.
    pub stdout_cut: bool,
    /// Whether standard error was longer than the limit.
    pub stderr_cut: bool,
    /// Whether the process limit refused a process or thread.
    pub process_limit_hit: bool,
    /// Wall clock time from the start of the process to its end.
    pub wall: Duration,
    /// Processor time.
    pub cpu: Duration,
    /// Most memory at once, in bytes.
    pub peak_memory_bytes: u64,
}

/// Makes instances.
#[async_trait]
pub trait Instances: Send + Sync {
    /// Runs one evaluation in a fresh instance. All output has been sent to `events` when this returns,
    /// and nothing of the instance is left. Cancelling ends the instance at once; output up to then is kept.
    async fn run(
        &self,
        request: RunRequest,
        events: mpsc::UnboundedSender<InstanceEvent>,
        cancel: CancellationToken,
    ) -> RunOutcome;
}
