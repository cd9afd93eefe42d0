//! Proves each layer on this host by use, for a doctor's report: starts real instances of a small
//! program (the launcher's binary in another role) and asks them what they see and may do.

mod findings;
mod inside;
mod judge;
mod limits;
mod network;

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Serialize;
use tokio::io::AsyncReadExt;

use crate::error::{SandboxError, remedy};
use crate::instance::Exit;
use crate::layer::{Demands, Layer};
use crate::plan::{Mount, Plan};
use crate::sandbox::Sandbox;
use crate::settings::{LauncherCommand, Settings};
use findings::Findings;

pub use network::{NetworkProof, prove_network};

pub(crate) use inside::inside;

/// Whether a wall stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Proven to work.
    On,
    /// Demanded, and not there: no instance can be started.
    Missing,
    /// Not there, and the operator has accepted that.
    Lowered,
}

/// The verdict on one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The wall.
    pub layer: Layer,
    /// Whether it stands.
    pub state: State,
    /// How that was proven, or why it could not be.
    pub proof: String,
    /// Advice when it does not stand.
    pub remedy: Option<String>,
}

/// What a proof came to: how it was proven, or why it was not.
type Proof = Result<String, String>;

/// Tries all layers, one row for each of [`Layer::ALL`]. Starts a handful of instances and takes
/// about a second. Must be called within a tokio runtime with IO enabled.
pub async fn run(settings: Settings) -> Vec<Row> {
    let demands = settings.demands.clone();
    let proofs = prove(settings).await;
    Layer::ALL.into_iter().zip(proofs).map(|(layer, proof)| row(layer, proof, &demands)).collect()
}

fn row(layer: Layer, proof: Proof, demands: &Demands) -> Row {
    let state = match (&proof, demands.requires(layer)) {
        (Ok(_), _) => State::On,
        (Err(_), true) => State::Missing,
        (Err(_), false) => State::Lowered,
    };
    let remedy = match state {
        State::On => None,
        _ => remedy(layer, None).map(str::to_owned),
    };
    let (Ok(proof) | Err(proof)) = proof;
    Row { layer, state, proof, remedy }
}

/// One proof for each layer in the order of [`Layer::ALL`]. Everything that can be lowered is, so
/// that one missing layer does not hide the others.
async fn prove(settings: Settings) -> Vec<Proof> {
    let prober = match Prober::new(settings) {
        Ok(prober) => prober,
        Err(error) => return none_tried(&error),
    };
    let proofs = prober.prove().await;
    prober.sandbox.close().await;
    proofs
}

/// Leaves room within the 64 bytes of a name.
fn truncated(name: &str) -> &str {
    name.get(..name.len().min(40)).unwrap_or("vivarium")
}

/// The layer that failed gets its reason; the others were never reached.
fn none_tried(error: &SandboxError) -> Vec<Proof> {
    let culprit = match error {
        SandboxError::Fault(fault) => Some(fault.layer),
        _ => None,
    };
    let proof = |layer| match culprit == Some(layer) {
        true => Err(error.to_string()),
        false => Err(format!("not tried: {error}")),
    };
    Layer::ALL.into_iter().map(proof).collect()
}

/// How many there were in this process.
static PROBERS: AtomicU32 = AtomicU32::new(0);

pub(super) struct Prober {
    sandbox: Sandbox,
    launcher: LauncherCommand,
}

impl Prober {
    fn new(mut settings: Settings) -> Result<Self, SandboxError> {
        for layer in Layer::ALL {
            let _stays_demanded = settings.demands.lower(layer);
        }
        // Beside a running server of the same name, and beside other probers: each removes its cgroups at its end.
        let number = PROBERS.fetch_add(1, Ordering::Relaxed);
        settings.name = format!("{}-probe-{}-{number}", truncated(&settings.name), std::process::id());
        let launcher = settings.launcher.clone();
        Ok(Self { sandbox: Sandbox::new(settings)?, launcher })
    }

    async fn prove(&self) -> Vec<Proof> {
        let findings = match self.look().await {
            Ok(findings) => findings,
            Err(error) => return none_tried(&error),
        };
        let mut proofs = Vec::new();
        for layer in Layer::ALL {
            proofs.push(match layer {
                Layer::CgroupMemory | Layer::CgroupCpu | Layer::CgroupPids => limits::prove(self, layer).await,
                _ => judge::judge(&findings, layer),
            });
        }
        proofs
    }

    async fn look(&self) -> Result<Findings, SandboxError> {
        let (_, text) = self.run(self.plan("look")).await?;
        serde_json::from_str(&text).map_err(|error| SandboxError::Silent(format!("the probe said nothing: {error}")))
    }

    /// Runs a plan to its end.
    async fn run(&self, plan: Plan) -> Result<(Exit, String), SandboxError> {
        let mut instance = self.sandbox.spawn(plan).await?;
        let stdout = instance.take_pipes().map(|pipes| pipes.stdout);
        let exit = instance.wait().await;
        let text = read(stdout).await.unwrap_or_default();
        Ok((exit, text))
    }

    /// The launcher's binary in the role of the probe, with the host's libraries.
    fn plan(&self, task: &str) -> Plan {
        let mut plan = Plan::new("/probe");
        plan.args = self.launcher.args.clone();
        plan.args.extend(["probe".to_owned(), task.to_owned()]);
        plan.mounts = libraries();
        plan.mounts.push(bind(&self.launcher.program, Path::new("/probe")));
        plan.mounts.extend([Mount::Proc, Mount::Dev]);
        plan.mounts.push(Mount::Scratch { target: PathBuf::from("/tmp"), mode: 0o1777, exec: false });
        plan.scratch.bytes = findings::DISK_BYTES;
        plan
    }
}

/// All that the probe writes fits into the pipe, so it can be read after the end.
async fn read(stdout: Option<OwnedFd>) -> Option<String> {
    let mut receiver = tokio::net::unix::pipe::Receiver::from_owned_fd(stdout?).ok()?;
    let mut text = String::new();
    receiver.read_to_string(&mut text).await.ok()?;
    Some(text)
}

fn bind(source: &Path, target: &Path) -> Mount {
    Mount::Bind { source: source.to_owned(), target: target.to_owned(), exec: true }
}

/// Where a dynamically linked binary finds its loader; links into /usr stay links.
fn libraries() -> Vec<Mount> {
    ["/usr/lib", "/usr/lib64", "/lib", "/lib64"]
        .iter()
        .map(Path::new)
        .filter_map(|path| match std::fs::read_link(path) {
            Ok(points_to) => Some(Mount::Symlink { target: path.to_owned(), points_to }),
            Err(_) => path.is_dir().then(|| bind(path, path)),
        })
        .collect()
}
