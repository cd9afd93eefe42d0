//! One evaluation in its instance, from the hand-over of the script to the end.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use vivarium_domain::ports::{Ending, InstanceEvent, InstanceLimits, RunOutcome};
use vivarium_sandbox::network::Attachment;
use vivarium_sandbox::{Exit, ExitStatus, Instance, Spent, USUAL_CPU_WEIGHT};

use super::frame::{self, Answer, Heard};
use super::maker::{Ends, Made, expect_signal};
use super::networks::explain;
use super::outcome::{Seen, Stop, ending};
use super::output::Stream;

/// When everyone inside is dead the pipes end by themselves; this only bounds what nobody foresaw.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Whoever has run for so long has no hurry: where instances compete for the processors, those come first that have just
/// begun, or are being made.
const LENGTHY_AFTER: Duration = Duration::from_millis(100);
const LENGTHY_WEIGHT: u32 = USUAL_CPU_WEIGHT / 10;

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

/// What came of a run.
pub(super) struct Finished {
    pub(super) outcome: RunOutcome,
    /// Names of modules that the script loaded and its zygote had not; whatever it says.
    pub(super) modules: Vec<String>,
}

impl Finished {
    /// With what its instance could not reach, if the script failed.
    pub(super) fn explained(self, attachment: Option<&Attachment>) -> Self {
        Self { outcome: explain(self.outcome, attachment), ..self }
    }
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
struct Said {
    stdout: Stream,
    stderr: Stream,
    heard: Heard,
}

/// How far things are.
#[derive(Default)]
struct Course {
    /// The whole answer is there, and with it all output.
    answered: CancellationToken,
    /// Nobody of the instance is left.
    ended: CancellationToken,
}

/// What is known of the end of an instance.
struct End {
    status: ExitStatus,
    stop: Option<Stop>,
    spent: Spent,
}

impl<'run> Run<'run> {
    /// Runs an instance that was made for this script to its end. Dropping this ends it.
    pub(super) async fn run(self, made: Made) -> Finished {
        self.follow(made, Instant::now(), self.request).await
    }

    /// Runs an instance that was parked to its end. Dropping this ends it.
    pub(super) async fn run_taken(self, Taken { made, started }: Taken) -> Finished {
        let Finished { outcome, modules } = self.follow(made, started, &[]).await;
        Finished { outcome: RunOutcome { warm: true, ..outcome }, modules }
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

    /// `rest` is what the instance has still to be told.
    async fn follow(self, made: Made, started: Instant, rest: &[u8]) -> Finished {
        let Made { mut instance, ends, cpu_before, .. } = made;
        // Nobody listens any more: the instance still has to run to its end.
        let _ = self.events.send(InstanceEvent::Started);
        let limit = self.limits.output_bytes;
        let mut said = Said {
            stdout: Stream::new(limit, InstanceEvent::Stdout),
            stderr: Stream::new(limit, InstanceEvent::Stderr),
            heard: Heard::default(),
        };
        let course = Course::default();
        let watch = async {
            let seen = self.watch(&mut instance, started, &course).await;
            (seen, started.elapsed())
        };
        let ((seen, wall), ()) = tokio::join!(watch, self.listen(ends, rest, &mut said, &course));
        let end = seen.unwrap_or_else(|| End::of_answer(&said.heard.answer, instance));
        finished(&end, wall, said, cpu_before)
    }

    /// Waits for the end, and brings it about when the time is up or somebody asks. `None` when the answer came first:
    /// then all is said.
    async fn watch(&self, instance: &mut Instance, started: Instant, course: &Course) -> Option<End> {
        let killer = instance.killer();
        let late = tokio::time::sleep(self.limits.time.saturating_sub(started.elapsed()));
        let lengthy = tokio::time::sleep(LENGTHY_AFTER);
        tokio::pin!(late, lengthy);
        let mut has_yielded = false;
        let stop = loop {
            tokio::select! {
                biased;
                () = course.answered.cancelled() => return None,
                exit = instance.wait() => {
                    course.ended.cancel();
                    return Some(End::of_exit(&exit, None));
                }
                () = self.cancel.cancelled() => break Stop::Cancelled,
                () = &mut late => break Stop::Time,
                () = &mut lengthy, if !has_yielded => {
                    has_yielded = true;
                    yield_to_others(instance);
                }
            }
        };
        killer.kill();
        let exit = instance.wait().await;
        course.ended.cancel();
        Some(End::of_exit(&exit, Some(stop)))
    }

    /// Takes in everything until the answer is whole or all ends are closed, or a little after the end at the latest.
    async fn listen(&self, ends: Ends, rest: &[u8], said: &mut Said, course: &Course) {
        let Ends { stdout, stderr, control } = ends;
        let Said { stdout: out, stderr: err, heard } = said;
        let talk = async {
            *heard = self.converse(control, rest).await;
            if matches!(heard.answer, Answer::Completed(_) | Answer::Failed(_)) {
                course.answered.cancel();
            }
        };
        let enough = &course.answered;
        let streams =
            async { tokio::join!(out.forward(stdout, self.events, enough), err.forward(stderr, self.events, enough)) };
        let late = async {
            course.ended.cancelled().await;
            tokio::time::sleep(DRAIN_TIME).await;
        };
        tokio::select! {
            _ = async { tokio::join!(talk, streams) } => {}
            () = late => tracing::warn!("the output of an instance did not end with it"),
        }
    }

    /// Hands over what is left of the request and takes one answer; the script may do neither.
    async fn converse(&self, mut control: UnixStream, rest: &[u8]) -> Heard {
        let (mut reader, mut writer) = control.split();
        // A write fails when the process is gone already; its status says more.
        let (_, answer) = tokio::join!(writer.write_all(rest), frame::answer(&mut reader, self.limits.result_bytes));
        answer
    }
}

fn yield_to_others(instance: &Instance) {
    if let Err(error) = instance.weigh_cpu(LENGTHY_WEIGHT) {
        tracing::debug!(%error, "a lengthy evaluation keeps its share of the processors");
    }
}

impl End {
    fn of_exit(exit: &Exit, stop: Option<Stop>) -> Self {
        let Exit { status, oom_killed, process_limit_hit, cpu_micros, peak_memory_bytes, .. } = *exit;
        Self { status, stop, spent: Spent { oom_killed, process_limit_hit, cpu_micros, peak_memory_bytes } }
    }

    /// The process says it last of all: it has nothing more to do, and is ended.
    fn of_answer(answer: &Answer, instance: Instance) -> Self {
        let code = i32::from(!matches!(answer, Answer::Completed(_)));
        Self { status: ExitStatus::Code(code), stop: None, spent: instance.finish() }
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

fn finished(end: &End, wall: Duration, said: Said, cpu_before: Duration) -> Finished {
    let Said { stdout, stderr, heard: Heard { answer, modules } } = said;
    let spent = end.spent;
    let cpu = Duration::from_micros(spent.cpu_micros.unwrap_or(0));
    let outcome = RunOutcome {
        ending: ending(Seen { status: end.status, oom_killed: spent.oom_killed, stop: end.stop, answer }),
        stdout_cut: stdout.cut,
        stderr_cut: stderr.cut,
        stdout_bytes: stdout.came,
        stderr_bytes: stderr.came,
        process_limit_hit: spent.process_limit_hit,
        wall,
        cpu: cpu.saturating_sub(cpu_before),
        peak_memory_bytes: spent.peak_memory_bytes.unwrap_or(0),
        warm: false,
    };
    Finished { outcome, modules }
}
