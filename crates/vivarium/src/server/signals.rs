//! SIGTERM and SIGINT: the first ends the server in order, a second one at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::fault::{Context, Outcome};

/// Exit status of a process that a second signal ended.
const ENDED_AT_ONCE: i32 = 130;

/// The signals that ask the server to end.
pub(crate) struct EndSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl EndSignals {
    /// Catches the signals from now on.
    pub(crate) fn catch() -> Outcome<Self> {
        let step = "cannot catch signals";
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context(step)?,
            interrupt: signal(SignalKind::interrupt()).context(step)?,
        })
    }

    /// Returns the name of the next one.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// From now on the next one ends the process, whatever it is doing. The kernel then ends all instances with it,
    /// and the next start removes what is left.
    pub(crate) fn end_at_once_on_next(mut self) {
        tokio::spawn(async move {
            let name = self.next().await;
            tracing::warn!(signal = name, "ending at once");
            std::process::exit(ENDED_AT_ONCE);
        });
    }
}
