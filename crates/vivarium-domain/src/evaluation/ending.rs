//! From how an instance ended to what the record says.

use super::model::{EvaluationState, ExitReason};
use crate::ports::{Ending, InstanceLimits, RunOutcome};

/// The state, the message and the output of an ended evaluation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) state: EvaluationState,
    pub(super) message: Option<String>,
    pub(super) output: Option<String>,
}

impl Verdict {
    /// Ended by a fault.
    pub(super) fn error(message: impl Into<String>) -> Self {
        Self { state: EvaluationState::Error, message: Some(message.into()), output: None }
    }

    /// Says something more about why it ended.
    fn with_hint(self, hint: &str) -> Self {
        let message = self.message.map(|message| format!("{message}; {hint}"));
        Self { message, ..self }
    }

    /// Ended by somebody who asked for it.
    pub(super) fn cancelled(reason: impl Into<String>) -> Self {
        Self { state: EvaluationState::Cancelled, message: Some(reason.into()), output: None }
    }
}

/// What the record says of an instance that ended like this. Each limit has a sentence of its own.
pub(super) fn verdict(outcome: &RunOutcome, limits: &InstanceLimits, cancel_reason: Option<&str>) -> Verdict {
    let resource = &limits.resource;
    let verdict = match &outcome.ending {
        Ending::Completed { output } => {
            return Verdict { state: EvaluationState::Ready, message: None, output: output.clone() };
        }
        Ending::Failed { message } => Verdict::error(message),
        Ending::MemoryLimit => Verdict::error(format!("the memory limit of {} MB was reached", resource.memory_mib)),
        Ending::TimeLimit => {
            let message = format!("the time limit of {} s was reached", limits.time.as_secs());
            Verdict { state: EvaluationState::Expired, message: Some(message), output: None }
        }
        Ending::Cancelled => Verdict::cancelled(cancel_reason.unwrap_or("it was cancelled")),
        Ending::NotStarted { message } => Verdict::error(format!("cannot start an instance: {message}")),
    };
    if outcome.process_limit_hit {
        verdict.with_hint(&format!("the limit of {} processes was reached", resource.processes))
    } else {
        verdict
    }
}

/// Why it ended, in a word.
pub(super) fn reason(ending: &Ending) -> ExitReason {
    match ending {
        Ending::Completed { .. } => ExitReason::Completed,
        Ending::Failed { .. } => ExitReason::Failed,
        Ending::TimeLimit => ExitReason::TimeLimit,
        Ending::MemoryLimit => ExitReason::MemoryLimit,
        Ending::Cancelled => ExitReason::Cancelled,
        Ending::NotStarted { .. } => ExitReason::NotStarted,
    }
}

/// The line that marks an output that was cut.
pub(super) fn cut_mark(limit_bytes: usize) -> Vec<u8> {
    format!("\n[output cut: the limit of {limit_bytes} bytes was reached]\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::runtime::Resource;

    fn judge(ending: Ending, process_limit_hit: bool) -> (u8, String) {
        let resource = Resource { memory_mib: 128, processes: 20, ..Resource::default() };
        let limits = InstanceLimits { resource, time: Duration::from_secs(2), output_bytes: 10, result_bytes: 10 };
        let (cpu, wall) = (Duration::ZERO, Duration::ZERO);
        let outcome = RunOutcome {
            ending,
            stdout_cut: false,
            stderr_cut: false,
            stdout_bytes: 0,
            stderr_bytes: 0,
            process_limit_hit,
            wall,
            cpu,
            peak_memory_bytes: 0,
            warm: false,
        };
        let verdict = verdict(&outcome, &limits, Some("cancelled by `anna`"));
        (verdict.state.code(), verdict.message.unwrap_or_default())
    }

    #[test]
    fn each_reason_has_its_state_and_its_words() {
        let failed = |message: &str| Ending::Failed { message: message.to_owned() };
        assert_eq!(judge(Ending::Completed { output: None }, false), (3, String::new()));
        assert_eq!(judge(failed("ValueError: x (line 3)"), false), (4, "ValueError: x (line 3)".to_owned()));
        assert_eq!(
            judge(failed("OSError: y"), true),
            (4, "OSError: y; the limit of 20 processes was reached".to_owned())
        );
        assert_eq!(judge(Ending::MemoryLimit, false), (4, "the memory limit of 128 MB was reached".to_owned()));
        assert_eq!(judge(Ending::TimeLimit, false), (5, "the time limit of 2 s was reached".to_owned()));
        let both = "the time limit of 2 s was reached; the limit of 20 processes was reached";
        assert_eq!(judge(Ending::TimeLimit, true), (5, both.to_owned()));
        assert_eq!(judge(Ending::Cancelled, false), (6, "cancelled by `anna`".to_owned()));
    }
}
