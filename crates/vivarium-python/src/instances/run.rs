//! One evaluation in its instance, from the hand-over of the script to the end.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use vivarium_domain::ports::{Ending, InstanceEvent, InstanceLimits, RunOutcome};
use vivarium_sandbox::{Exit, Instance};

use super::frame::{self, Answer};
use super::maker::{Ends, Made, expect_signal};
use super::outcome::{Seen, Stop, ending};
use super::output::Stream;

/// When everyone inside is dead the pipes end by themselves; this only bounds what nobody foresaw.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// A parked instance that has not taken the script by then hangs.
const HAND_OVER_TIME: Duration = Duration::from_secs(5);

/// All that a run needs besides its instance.
#[derive(Clone, Copy)]
pub(super) struct Run<'run> {
    pub(super) request: &'run [u8],
    pub(super) limits: &'run InstanceLimits,
    pub(super) events: &'run UnboundedSender<InstanceEvent>,
    pub(super) cancel: &'run CancellationToken,
}

/// Why a parked instance did not take the script.
pub(super) enum Refusal {
    /// It was dead. Nothing of the script ran.
    Dead,
    /// It hung and was ended. Nothing of the script ran.
    Hung,
    /// The evaluation ended meanwhile.
    Ended(Ending),
}

/// A parked instance that has the script: it will run it, and nobody else may.
pub(super) struct Taken {
    made: Made,
    started: Instant,
}

/// What an instance said.
struct Heard {
    stdout: Stream,
    stderr: Stream,
    answer: Answer,
}

/// What [`Run::follow`] starts from.
struct Course<'frame> {
    started: Instant,
    /// What the instance has still to be told.
    rest: &'frame [u8],
}

impl<'run> Run<'run> {
    /// Runs an instance that was made for this script to its end. Dropping this ends it.
    pub(super) async fn run(self, made: Made) -> RunOutcome {
        self.follow(made, Course { started: Instant::now(), rest: self.request }).await
    }

    /// Runs an instance that was parked to its end. Dropping this ends it.
    pub(super) async fn run_taken(self, Taken { made, started }: Taken) -> RunOutcome {
        let outcome = self.follow(made, Course { started, rest: &[] }).await;
        RunOutcome { warm: true, ..outcome }
    }

    /// Hands the script to a parked instance. It says that it has read all of it before it runs any of it:
    /// as long as it has not, and is dead, another one may have the script.
    pub(super) async fn hand_over(self, mut made: Made) -> Result<Taken, Refusal> {
        let started = Instant::now();
        let (mut reader, mut writer) = made.ends.control.split();
        let talk = async { tokio::try_join!(writer.write_all(self.request), expect_signal(&mut reader)) };
        let talked: io::Result<_> = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(Refusal::Ended(end(made, Ending::Cancelled).await)),
            talked = tokio::time::timeout(HAND_OVER_TIME, talk) => match talked {
                Ok(talked) => talked,
                Err(_) => return Err(end_hung(made).await),
            }
        };
        match talked {
            Ok(_) => Ok(Taken { made, started }),
            Err(error) => {
                tracing::debug!(%error, "a parked instance was dead");
                Err(Refusal::Dead)
            }
        }
    }

    async fn follow(self, made: Made, course: Course<'_>) -> RunOutcome {
        let Made { mut instance, ends, cpu_before, .. } = made;
        // Nobody listens any more: the instance still has to run to its end.
        let _ = self.events.send(InstanceEvent::Started);
        let limit = self.limits.output_bytes;
        let mut heard = Heard {
            stdout: Stream::new(limit, InstanceEvent::Stdout),
            stderr: Stream::new(limit, InstanceEvent::Stderr),
            answer: Answer::None,
        };
        let ended = CancellationToken::new();
        let watch = async {
            let seen = self.watch(&mut instance, course.started).await;
            let wall = course.started.elapsed();
            ended.cancel();
            (seen, wall)
        };
        let (((exit, stop), wall), ()) = tokio::join!(watch, self.listen(ends, course.rest, &mut heard, &ended));
        let outcome = outcome(&exit, stop, wall, heard);
        RunOutcome { cpu: outcome.cpu.saturating_sub(cpu_before), ..outcome }
    }

    /// Waits for the end, and brings it about when the time is up or somebody asks.
    async fn watch(&self, instance: &mut Instance, started: Instant) -> (Exit, Option<Stop>) {
        let killer = instance.killer();
        let late = tokio::time::sleep(self.limits.time.saturating_sub(started.elapsed()));
        let stop = tokio::select! {
            biased;
            exit = instance.wait() => return (exit, None),
            () = self.cancel.cancelled() => Stop::Cancelled,
            () = late => Stop::Time,
        };
        killer.kill();
        (instance.wait().await, Some(stop))
    }

    /// Takes in everything until all ends are closed, or a little after the end at the latest.
    async fn listen(&self, ends: Ends, rest: &[u8], heard: &mut Heard, ended: &CancellationToken) {
        let Ends { stdout, stderr, control } = ends;
        let Heard { stdout: out, stderr: err, answer } = heard;
        let talk = async {
            *answer = self.converse(control, rest).await;
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

    /// Hands over what is left of the request and takes one answer; the script may do neither.
    async fn converse(&self, mut control: UnixStream, rest: &[u8]) -> Answer {
        let (mut reader, mut writer) = control.split();
        // A write fails when the process is gone already; its status says more.
        let (_, answer) = tokio::join!(writer.write_all(rest), frame::answer(&mut reader, self.limits.result_bytes));
        answer
    }
}

/// Ends an instance that got a script, and says how the evaluation ended.
async fn end(mut made: Made, ending: Ending) -> Ending {
    made.instance.kill();
    made.instance.wait().await;
    ending
}

/// Only the dead cannot take the script at the last moment.
async fn end_hung(mut made: Made) -> Refusal {
    made.instance.kill();
    made.instance.wait().await;
    match made.ends.control.try_read(&mut [0; 1]) {
        Ok(1..) => Refusal::Ended(Ending::Failed { message: "the instance hung when it began to run".to_owned() }),
        Ok(0) | Err(_) => Refusal::Hung,
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
        warm: false,
    }
}
