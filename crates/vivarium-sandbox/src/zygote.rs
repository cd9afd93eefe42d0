//! Zygotes: instances whose command forks further ones.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::io::unix::AsyncFd;

use crate::error::SandboxError;
use crate::instance::Instance;
use crate::plan::{Limits, Scratch};
use crate::sandbox::Shared;
use crate::sys;

/// What a forked instance gets of its own. All else is the zygote's plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its writable space.
    pub scratch: Scratch,
    /// Its cgroups. Open files, file size and stack are those of the zygote's plan.
    pub limits: Limits,
}

/// A process that forks instances. It has no rights but to enter cells that are prepared for it, sees what the plan
/// says, and runs no script. Dropping it ends it; instances that it forked go on.
///
/// The program of the plan finds on descriptor 3 a `SOCK_SEQPACKET` socket. The first message is JSON:
///
/// ```text
/// {"setns": NUMBER, "namespaces": [FLAG, ...], "working_directory": PATH,
///  "steps": [{"layer": NAME, "step": WORDS, "number": NUMBER, "arguments": [ARGUMENT, ...]}, ...]}
/// ```
///
/// An argument is a number, `{"hex": BYTES}` for a pointer to these bytes, or `{"instructions": BYTES}` for a pointer to
/// a `sock_fprog` over these. Each further message asks for a fork and carries descriptors: one for each namespace,
/// standard output, standard error, control, a pipe for words, and the landlock rules where there are any. The program
/// forks a child, which calls `setns` with each namespace and its flag and forks again; it writes `pid N` with the
/// number of that second child to the pipe, and leaves. The second child puts output, error, control, words and rules
/// at 1 to 5, changes to the working directory, takes the steps in order, writes `ready`, or `failed ` with the reason,
/// to the pipe, and closes it. Until something arrives on control it opens nothing, for it is looked at. From then on it is the instance, with control as its descriptor 3. When the socket ends,
/// the program leaves.
pub struct Zygote {
    shared: Arc<Shared>,
    /// Holds the keeper; each forked instance holds it too.
    keeper: Arc<Instance>,
    orders: Arc<OwnedFd>,
    errors: Option<OwnedFd>,
}

impl Zygote {
    pub(crate) fn new(shared: Arc<Shared>, mut keeper: Instance) -> Result<Self, SandboxError> {
        let pipes = keeper.take_pipes().ok_or_else(|| SandboxError::Silent("the zygote has no pipes".to_owned()))?;
        Ok(Self { shared, keeper: Arc::new(keeper), orders: Arc::new(pipes.control), errors: Some(pipes.stderr) })
    }

    /// The server's end of its standard error, once. Its standard output leads nowhere.
    pub fn take_errors(&mut self) -> Option<OwnedFd> {
        self.errors.take()
    }

    /// Forks an instance; returns when it is locked in and that is proven. Its pid 1 is not the forked process but an
    /// init of the sandbox. Must be called within a tokio runtime with IO enabled. Dropping the future leaves nothing.
    ///
    /// # Errors
    /// What failed, after it was undone; above all when the zygote has ended.
    pub async fn fork(&self, cell: Cell) -> Result<Instance, SandboxError> {
        let (shared, keeper, orders) = (Arc::clone(&self.shared), Arc::clone(&self.keeper), Arc::clone(&self.orders));
        let started = tokio::task::spawn_blocking(move || shared.fork(&orders, &keeper, &cell))
            .await
            .map_err(|error| SandboxError::Silent(error.to_string()))??;
        Instance::new(started)
    }

    /// Waits until the zygote has ended by itself, or was killed.
    ///
    /// # Errors
    /// When the socket cannot be watched.
    pub async fn ended(&self) -> std::io::Result<()> {
        let orders = sys::watch_readiness(Arc::clone(&self.orders))?;
        // The keeper never writes, so readable means the end.
        AsyncFd::readable(&orders).await.map(drop)
    }
}
