//! The record of an evaluation.

use serde::{Deserialize, Serialize};

use crate::id::{EvaluationId, NodeId, RevisionId, RuntimeId, UserId};
use crate::time::Timestamp;

/// Where an evaluation is (Strategy contract 7.2; 2, "partially ready", does not occur).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EvaluationState {
    /// Accepted, waiting for its turn.
    Initiated,
    /// Running.
    Running,
    /// Ended well.
    Ready,
    /// Ended by a fault of the script, by a limit other than time, or by a fault of the server.
    Error,
    /// Ended by its time limit.
    Expired,
    /// Ended by somebody who asked for it.
    Cancelled,
}

impl EvaluationState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Initiated, Self::Running, Self::Ready, Self::Error, Self::Expired, Self::Cancelled];

    /// Its number on the wire and in the store.
    pub fn code(self) -> u8 {
        match self {
            Self::Initiated => 0,
            Self::Running => 1,
            Self::Ready => 3,
            Self::Error => 4,
            Self::Expired => 5,
            Self::Cancelled => 6,
        }
    }

    /// From its number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        self > Self::Running
    }
}

/// Why an evaluation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitReason {
    /// It came to its end.
    Completed,
    /// An exception, another exit code, a signal.
    Failed,
    /// The time limit.
    TimeLimit,
    /// The memory limit.
    MemoryLimit,
    /// Somebody asked for it.
    Cancelled,
    /// Nothing of it ran.
    NotStarted,
    /// The server ended before it did.
    ServerRestarted,
}

impl ExitReason {
    /// Its stable name, as in answers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimeLimit => "time-limit",
            Self::MemoryLimit => "memory-limit",
            Self::Cancelled => "cancelled",
            Self::NotStarted => "not-started",
            Self::ServerRestarted => "server-restarted",
        }
    }
}

/// What an evaluation took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Microseconds between acceptance and the start of its process.
    pub queued_micros: u64,
    /// Microseconds from the start of its process, or from the hand-over to a parked one, to its end.
    pub wall_micros: u64,
    /// Microseconds of processor time.
    pub cpu_micros: u64,
    /// Most memory at once, in bytes.
    pub peak_memory_bytes: u64,
    /// Whether a parked instance ran it. Older records do not say.
    #[serde(default)]
    pub warm: bool,
    /// Bytes that it wrote to standard output, those beyond the limit included. Older records do not say.
    #[serde(default)]
    pub stdout_bytes: u64,
    /// The same for standard error.
    #[serde(default)]
    pub stderr_bytes: u64,
    /// Why it ended; absent while it has not, and in older records.
    #[serde(default)]
    pub reason: Option<ExitReason>,
}

/// An evaluation as the store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Its id.
    pub id: EvaluationId,
    /// Who started it.
    pub user: UserId,
    /// The runtime it runs in.
    pub runtime: RuntimeId,
    /// The revision of the runtime when it was accepted.
    pub revision: RevisionId,
    /// The node that accepted it and runs it.
    pub node: NodeId,
    /// Where it is.
    pub state: EvaluationState,
    /// Why it ended as it did: the exception and its line, or the limit.
    pub message: Option<String>,
    /// What it wrote to standard output, cut at the output limit.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error, cut at the output limit.
    pub stderr: Vec<u8>,
    /// What `get_results()` returned, as JSON text.
    pub output: Option<String>,
    /// What it took.
    pub usage: Usage,
    /// When it was accepted.
    pub created: Timestamp,
    /// When its process was started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
}

impl Evaluation {
    /// Standard output as text. Bytes that are not UTF-8 are replaced; while it runs, a character
    /// whose rest has not been written yet is left out.
    pub fn stdout_text(&self) -> String {
        self.text(&self.stdout)
    }

    /// Standard error as text, in the same way.
    pub fn stderr_text(&self) -> String {
        self.text(&self.stderr)
    }

    fn text(&self, bytes: &[u8]) -> String {
        let bytes = if self.state.is_final() { bytes } else { super::emission::whole_characters(bytes) };
        String::from_utf8_lossy(bytes).into_owned()
    }
}
