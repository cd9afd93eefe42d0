//! Instances: isolated processes that run one evaluation each.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use ipnet::IpNet;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::evaluation::BoundVariable;
use crate::id::{EvaluationId, RuntimeId};
use crate::runtime::{InstanceMode, Resource, Serving};

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

/// Values by the names under which a script finds them among its globals. They may be secret, so they are not shown.
#[derive(Clone, Default, PartialEq)]
pub struct Predefined(pub Map<String, Value>);

impl fmt::Debug for Predefined {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
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
    /// Where the instance comes from.
    pub mode: InstanceMode,
    /// The source text, with `$name` for each variable.
    pub source: String,
    /// The variables.
    pub variables: Vec<BoundVariable>,
    /// What the script finds defined besides.
    pub predefined: Predefined,
    /// The limits.
    pub limits: InstanceLimits,
}

/// What happens while an instance runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstanceEvent {
    /// The process is there, or a parked one has taken the script over; the time limit counts from here.
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
    /// Bytes written to standard output, those beyond the limit included.
    pub stdout_bytes: u64,
    /// The same for standard error.
    pub stderr_bytes: u64,
    /// Whether the process limit refused a process or thread.
    pub process_limit_hit: bool,
    /// Wall clock time from the start of the process, or from the hand-over to a parked one, to its end.
    pub wall: Duration,
    /// Processor time; of a parked one, without what it used before the hand-over.
    pub cpu: Duration,
    /// Most memory at once, in bytes; what the interpreter takes to come up is in it.
    pub peak_memory_bytes: u64,
    /// Whether a parked instance ran it.
    pub warm: bool,
}

/// How many instances of a runtime to keep parked, and what kind.
#[derive(Debug, Clone, PartialEq)]
pub struct ParkingOrder {
    /// Of which runtime.
    pub runtime: RuntimeId,
    /// In which environment.
    pub serving: Serving,
    /// Where they come from.
    pub mode: InstanceMode,
    /// With which limits.
    pub resource: Resource,
    /// At least so many, as soon as possible.
    pub min: u32,
    /// At most so many; 0 means that every instance is made on demand.
    pub max: u32,
}

/// The parked instances of a runtime on this node. Counters begin with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolState {
    /// The least to keep, as ordered.
    pub min: u32,
    /// The most to keep, as ordered.
    pub max: u32,
    /// Those that wait for an evaluation.
    pub parked: usize,
    /// Those that are coming up to wait.
    pub starting: usize,
    /// Instances that run an evaluation, parked before or not.
    pub running: usize,
    /// Evaluations that a parked instance ran.
    pub hits: u64,
    /// Evaluations that found none, though some were ordered.
    pub misses: u64,
    /// Instances that came up and were parked.
    pub started: u64,
    /// Instances that did not come up.
    pub failed: u64,
    /// Parked instances that ended without an evaluation: too many, too old, of another kind, or broken.
    pub discarded: u64,
    /// How long the oldest has been parked.
    pub oldest: Option<Duration>,
}

/// Makes instances.
#[async_trait]
pub trait Instances: Send + Sync {
    /// Runs one evaluation in an instance that never ran another one: a parked one whose environment and limits
    /// are those of the request, else one made for it. All output has been sent to `events` when this returns,
    /// and what is left of the instance is on its way out. Cancelling ends the instance at once; output up to then is kept.
    async fn run(
        &self,
        request: RunRequest,
        events: mpsc::UnboundedSender<InstanceEvent>,
        cancel: CancellationToken,
    ) -> RunOutcome;

    /// Keeps instances of a runtime parked from now on, and returns at once. The same order again changes nothing;
    /// one with another environment or other limits brings up the new kind first and retires the old one by one.
    fn keep_ready(&self, order: ParkingOrder);

    /// Lets the instances of a runtime, those that run and are parked included, reach these networks from now on and
    /// nothing else; what is connected to others is cut. Without a call they reach nothing. The same list again costs
    /// next to nothing, and tries again what failed.
    ///
    /// # Errors
    /// Why a list that is not empty cannot be enforced, for the user and with the remedy. Nothing is reachable then.
    async fn permit(&self, runtime: RuntimeId, whitelist: &[IpNet]) -> Result<(), String>;

    /// Has what instances of this kind are made from ready, beside what serves now; returns when it is, or cannot be.
    async fn warm_up(&self, order: ParkingOrder);

    /// Forgets the order and the whitelist of a runtime and ends its parked instances; returns when they are wholly
    /// gone. What runs goes on but reaches nothing any more.
    async fn release(&self, runtime: RuntimeId);

    /// What is parked of a runtime.
    fn pool(&self, runtime: RuntimeId) -> PoolState;
}
