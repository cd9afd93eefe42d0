//! Makes instances: for one request, or to be parked.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use vivarium_domain::ports::{ParkingOrder, RunRequest};
use vivarium_domain::runtime::{InstanceMode, PythonVersion, Resource, Serving};
use vivarium_sandbox::network::Attachment;
use vivarium_sandbox::{Cell, Instance, Sandbox, SandboxError, Zygote};

use super::frame::SIGNAL;
use super::networks::Networks;
use super::plan::{Parts, plan, zygote};
use crate::environments::{Lease, PythonEnvironments};

/// How long an instance may take from its start until it waits for a script.
const READY_TIME: Duration = Duration::from_secs(30);

/// What makes two instances interchangeable.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kind {
    environment: String,
    python: PythonVersion,
    mode: InstanceMode,
    resource: Resource,
}

impl Kind {
    /// The kind that a request needs.
    pub(super) fn of_request(request: &RunRequest) -> Self {
        Self::new(&request.serving, request.mode, request.limits.resource)
    }

    /// The kind that an order wants.
    pub(super) fn of_order(order: &ParkingOrder) -> Self {
        Self::new(&order.serving, order.mode, order.resource)
    }

    /// Whether it comes from a zygote.
    pub(super) fn is_forked(&self) -> bool {
        self.mode == InstanceMode::Forked
    }

    fn new(serving: &Serving, mode: InstanceMode, resource: Resource) -> Self {
        Self { environment: serving.environment.clone(), python: serving.python, mode, resource }
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
    /// Its connection to what its runtime may reach; `None` while that is nothing.
    pub(super) attachment: Option<Arc<Attachment>>,
    /// Last: the environment stays at least as long as the instance is told to.
    _lease: Lease,
}

/// Why there is no instance.
#[derive(Debug, thiserror::Error)]
pub(super) enum MakeError {
    /// Interpreter or environment are not here.
    #[error("{0}; hint: synchronize the runtime")]
    Missing(String),
    /// No further ones are made.
    #[error("the server is stopping")]
    Stopping,
    /// The sandbox could not make it.
    #[error("the instance could not be made: {0}{hint}", hint = hint(.0))]
    Sandbox(#[from] SandboxError),
    /// Its pipes cannot be used.
    #[error("cannot talk to the instance: {0}")]
    Pipes(#[from] io::Error),
    /// Its zygote did not come to the point where it forks.
    #[error("the zygote of the runtime did not become ready: {0}")]
    Zygote(String),
    /// What it may reach cannot be enforced.
    #[error("the network of the runtime is not in order: {0}")]
    Network(String),
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
    pub(super) networks: Arc<Networks>,
}

impl Maker {
    pub(super) fn new(environments: Arc<PythonEnvironments>, sandbox: Sandbox, networks: Networks) -> Self {
        Self { environments, sandbox, networks: Arc::new(networks) }
    }

    /// An instance that is an interpreter of its own, which has just been executed.
    pub(super) async fn make(&self, kind: &Kind) -> Result<Made, MakeError> {
        let lease = self.lease(kind)?;
        let plan = plan(&self.parts(kind, &lease)?, &kind.resource);
        Made::new(self.sandbox.spawn(plan).await?, lease)
    }

    /// A zygote that is loading these modules, and what its instances get of their own.
    pub(super) async fn make_zygote(&self, kind: &Kind, modules: &[String]) -> Result<(Zygote, Cell), MakeError> {
        let lease = self.lease(kind)?;
        let (plan, cell) = zygote(&self.parts(kind, &lease)?, &kind.resource, modules);
        Ok((self.sandbox.zygote(plan).await?, cell))
    }

    /// The hold on the environment that an instance needs for as long as it runs.
    pub(super) fn lease(&self, kind: &Kind) -> Result<Lease, MakeError> {
        let lease = self.environments.lease(&kind.environment);
        lease.ok_or_else(|| MakeError::Missing("the environment of the runtime is not on this node".to_owned()))
    }

    fn parts(&self, kind: &Kind, lease: &Lease) -> Result<Parts<'_>, MakeError> {
        let interpreter = self.environments.interpreter(kind.python);
        let missing = || MakeError::Missing(format!("no Python {} on this node", kind.python));
        let interpreter = interpreter.ok_or_else(missing)?;
        Ok(Parts { interpreter, packages: lease.tree(), empty: self.environments.empty_directory() })
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
    pub(super) fn new(mut instance: Instance, lease: Lease) -> Result<Self, MakeError> {
        let ends = Ends::of(&mut instance)?;
        Ok(Self { instance, ends, cpu_before: Duration::ZERO, attachment: None, _lease: lease })
    }

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
