//! One instance from its start to its end.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use vivarium_domain::ports::{InstanceEvent, InstanceLimits, RunOutcome};
use vivarium_sandbox::{Exit, Instance, Pipes};

use super::frame::{self, Answer};
use super::outcome::{Seen, Stop, ending};
use super::output::Stream;

/// When everyone inside is dead the pipes end by themselves; this only bounds what nobody foresaw.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// All that a run needs besides its instance.
pub(super) struct Run<'run> {
    pub(super) request: &'run [u8],
    pub(super) limits: &'run InstanceLimits,
    pub(super) events: &'run UnboundedSender<InstanceEvent>,
    pub(super) cancel: &'run CancellationToken,
}

/// What an instance said.
struct Heard {
    stdout: Stream,
    stderr: Stream,
    answer: Answer,
}

impl Run<'_> {
    /// Runs the instance to its end. Dropping this ends it.
    pub(super) async fn run(self, mut instance: Instance) -> RunOutcome {
        let started = Instant::now();
        // Nobody listens any more: the instance still has to run to its end.
        let _ = self.events.send(InstanceEvent::Started);
        let limit = self.limits.output_bytes;
        let mut heard = Heard {
            stdout: Stream::new(limit, InstanceEvent::Stdout),
            stderr: Stream::new(limit, InstanceEvent::Stderr),
            answer: Answer::None,
        };
        let pipes = instance.take_pipes();
        let ended = CancellationToken::new();
        let watch = async {
            let seen = self.watch(&mut instance).await;
            let wall = started.elapsed();
            ended.cancel();
            (seen, wall)
        };
        let (((exit, stop), wall), ()) = tokio::join!(watch, self.listen(pipes, &mut heard, &ended));
        outcome(&exit, stop, wall, heard)
    }

    /// Waits for the end, and brings it about when the time is up or somebody asks.
    async fn watch(&self, instance: &mut Instance) -> (Exit, Option<Stop>) {
        let killer = instance.killer();
        let stop = tokio::select! {
            biased;
            exit = instance.wait() => return (exit, None),
            () = self.cancel.cancelled() => Stop::Cancelled,
            () = tokio::time::sleep(self.limits.time) => Stop::Time,
        };
        killer.kill();
        (instance.wait().await, Some(stop))
    }

    /// Takes in everything until all ends are closed, or a little after the end at the latest.
    async fn listen(&self, pipes: Option<Pipes>, heard: &mut Heard, ended: &CancellationToken) {
        let Some(Pipes { stdout, stderr, control }) = pipes else { return };
        let Heard { stdout: out, stderr: err, answer } = heard;
        let talk = async {
            *answer = self.converse(std::os::unix::net::UnixStream::from(control)).await;
        };
        let all = async { tokio::join!(out.forward(stdout, self.events), err.forward(stderr, self.events), talk) };
        let late = async {
            ended.cancelled().await;
            tokio::time::sleep(DRAIN_TIME).await;
        };
        tokio::select! {
            _ = all => {}
            () = late => tracing::warn!("the output of an instance did not end with it"),
        }
    }

    /// Hands over the request and takes one answer; the script may do neither.
    async fn converse(&self, control: std::os::unix::net::UnixStream) -> Answer {
        let Ok(mut socket) = UnixStream::from_std(control) else { return Answer::None };
        let (mut reader, mut writer) = socket.split();
        // A write fails when the process is gone already; its status says more.
        let (_, answer) =
            tokio::join!(writer.write_all(self.request), frame::answer(&mut reader, self.limits.result_bytes));
        answer
    }
}

fn outcome(exit: &Exit, stop: Option<Stop>, wall: Duration, heard: Heard) -> RunOutcome {
    let seen = Seen { status: exit.status, oom_killed: exit.oom_killed, stop, answer: heard.answer };
    RunOutcome {
        ending: ending(seen),
        stdout_cut: heard.stdout.cut,
        stderr_cut: heard.stderr.cut,
        process_limit_hit: exit.process_limit_hit,
        wall,
        cpu: Duration::from_micros(exit.cpu_micros.unwrap_or(0)),
        peak_memory_bytes: exit.peak_memory_bytes.unwrap_or(0),
    }
}
