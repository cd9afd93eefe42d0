//! Makes instances: for one request, or to be parked.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use vivarium_domain::ports::{ParkingOrder, RunRequest};
use vivarium_domain::runtime::{PythonVersion, Resource, Serving};
use vivarium_sandbox::{Instance, Plan, Sandbox, SandboxError};

use super::frame::SIGNAL;
use super::plan::{Parts, plan};
use crate::environments::{Lease, PythonEnvironments};

/// How long an instance may take from its start until it waits for a script.
const READY_TIME: Duration = Duration::from_secs(30);

/// What makes two instances interchangeable.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kind {
    environment: String,
    python: PythonVersion,
    resource: Resource,
}

impl Kind {
    /// The kind that a request needs.
    pub(super) fn of_request(request: &RunRequest) -> Self {
        Self::new(&request.serving, request.limits.resource)
    }

    /// The kind that an order wants.
    pub(super) fn of_order(order: &ParkingOrder) -> Self {
        Self::new(&order.serving, order.resource)
    }

    fn new(serving: &Serving, resource: Resource) -> Self {
        Self { environment: serving.environment.clone(), python: serving.python, resource }
    }
}

/// The server's ends of what the instance holds as 1, 2 and 3.
pub(super) struct Ends {
    pub(super) stdout: Receiver,
    pub(super) stderr: Receiver,
    pub(super) control: UnixStream,
}

/// An instance with what belongs to it. Dropping it ends the instance.
pub(super) struct Made {
    pub(super) instance: Instance,
    pub(super) ends: Ends,
    /// Processor time that is not the evaluation's.
    pub(super) cpu_before: Duration,
    /// Last: the environment stays at least as long as the instance is told to.
    _lease: Lease,
}

/// Why there is no instance.
#[derive(Debug, thiserror::Error)]
pub(super) enum MakeError {
    /// Interpreter or environment are not here.
    #[error("{0}; hint: synchronize the runtime")]
    Missing(String),
    /// The sandbox could not make it.
    #[error("the instance could not be made: {0}{hint}", hint = hint(.0))]
    Sandbox(#[from] SandboxError),
    /// Its pipes cannot be used.
    #[error("cannot talk to the instance: {0}")]
    Pipes(#[from] io::Error),
    /// It did not come to the point where it waits.
    #[error("the instance did not become ready: {0}")]
    NotReady(io::Error),
}

fn hint(error: &SandboxError) -> String {
    error.remedy().map(|remedy| format!("; hint: {remedy}")).unwrap_or_default()
}

/// What instances are made of.
#[derive(Clone)]
pub(super) struct Maker {
    environments: Arc<PythonEnvironments>,
    sandbox: Sandbox,
}

impl Maker {
    pub(super) fn new(environments: Arc<PythonEnvironments>, sandbox: Sandbox) -> Self {
        Self { environments, sandbox }
    }

    /// An instance that has just been executed.
    pub(super) async fn make(&self, kind: &Kind) -> Result<Made, MakeError> {
        let (plan, lease) = self.plan(kind)?;
        let mut instance = self.sandbox.spawn(plan).await?;
        let ends = Ends::of(&mut instance)?;
        Ok(Made { instance, ends, cpu_before: Duration::ZERO, _lease: lease })
    }

    /// The plan, and the hold on the environment that it needs for as long as it runs.
    fn plan(&self, kind: &Kind) -> Result<(Plan, Lease), MakeError> {
        let missing = |what: String| MakeError::Missing(what);
        let interpreter = self.environments.interpreter(kind.python);
        let interpreter = interpreter.ok_or_else(|| missing(format!("no Python {} on this node", kind.python)))?;
        let lease = self.environments.lease(&kind.environment);
        let lease = lease.ok_or_else(|| missing("the environment of the runtime is not on this node".to_owned()))?;
        let parts = Parts { interpreter, packages: lease.tree(), empty: self.environments.empty_directory() };
        Ok((plan(&parts, &kind.resource), lease))
    }
}

impl Ends {
    fn of(instance: &mut Instance) -> io::Result<Self> {
        let pipes = instance.take_pipes().ok_or_else(|| io::Error::other("its pipes were taken"))?;
        let control = std::os::unix::net::UnixStream::from(pipes.control);
        Ok(Self {
            stdout: Receiver::from_owned_fd(pipes.stdout)?,
            stderr: Receiver::from_owned_fd(pipes.stderr)?,
            control: UnixStream::from_std(control)?,
        })
    }
}

impl Made {
    /// Has the harness do all that needs no script, and waits until it has.
    pub(super) async fn get_ready(&mut self) -> Result<(), MakeError> {
        let ready = async {
            self.ends.control.write_all(&SIGNAL).await?;
            expect_signal(&mut self.ends.control).await
        };
        let late = |_| Err(io::Error::other(format!("it took more than {} s", READY_TIME.as_secs())));
        tokio::time::timeout(READY_TIME, ready).await.unwrap_or_else(late).map_err(MakeError::NotReady)?;
        // Where nobody counts, the evaluation has to bear it.
        self.cpu_before = Duration::from_micros(self.instance.cpu_micros().unwrap_or(0));
        Ok(())
    }
}

/// Reads the one thing that a harness without a script says.
pub(super) async fn expect_signal(control: &mut (impl AsyncReadExt + Unpin)) -> io::Result<()> {
    let mut signal = [0; SIGNAL.len()];
    control.read_exact(&mut signal).await?;
    if signal == SIGNAL { Ok(()) } else { Err(io::Error::other("it said something else")) }
}
