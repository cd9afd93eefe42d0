//! What the instances of each runtime may reach: keeps the sandbox's network in step with the lists.
//!
//! The network is made when it is first needed, and tried again as long as it cannot be had.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use vivarium_domain::id::RuntimeId;
use vivarium_domain::ports::{Ending, RunOutcome};
use vivarium_sandbox::network::{Attachment, Attempt, Network, NetworkFault, NetworkSettings, Outcome, Policy};

use super::maker::Made;

/// How long a failure to make the network is taken for granted.
const PATIENCE: Duration = Duration::from_secs(1);

/// Counts refused attempts by runtime.
const REFUSED_METRIC: &str = "vivarium_network_refused_total";

/// The lists of all runtimes on this node.
pub(super) struct Networks {
    settings: NetworkSettings,
    network: Mutex<Opened>,
    runtimes: Mutex<HashMap<RuntimeId, Arc<Listed>>>,
}

/// The network, if there is one.
#[derive(Default)]
struct Opened {
    network: Option<Network>,
    /// When and why it could not be had last.
    failed: Option<(Instant, NetworkFault)>,
}

/// What is known of one runtime.
#[derive(Default)]
struct Listed {
    state: Mutex<State>,
    /// One change after the other.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// `None` before anything was to be reached.
    policy: Option<Policy>,
    blocks: Vec<IpNet>,
    fault: Option<NetworkFault>,
    /// Refused attempts that the metrics know of.
    counted: u64,
}

impl Networks {
    pub(super) fn new(settings: NetworkSettings) -> Self {
        Self { settings, network: Mutex::default(), runtimes: Mutex::default() }
    }

    /// Lists these blocks for a runtime, and nothing else. The text is for the user.
    pub(super) async fn permit(&self, runtime: RuntimeId, blocks: &[IpNet]) -> Result<(), String> {
        let listed = self.listed(runtime);
        let _turn = listed.changing.lock().await;
        if lock(&listed.state).is_in_step(blocks, self.settings.api.is_some()) {
            count_refused(runtime, &mut lock(&listed.state));
            return Ok(());
        }
        let enforced = self.enforce(&listed, blocks).await;
        let mut state = lock(&listed.state);
        state.fault = enforced.as_ref().err().cloned();
        state.blocks = blocks.to_vec();
        match enforced {
            Err(fault) if !blocks.is_empty() => Err(told(&fault)),
            _ => Ok(()),
        }
    }

    /// Forgets a runtime. What is still attached reaches nothing any more.
    pub(super) async fn forget(&self, runtime: RuntimeId) {
        let listed = lock(&self.runtimes).remove(&runtime);
        let policy = listed.and_then(|listed| lock(&listed.state).policy.take());
        let network = lock(&self.network).network.clone();
        if let (Some(policy), Some(network)) = (policy, network)
            && let Err(error) = network.forget(&policy).await
        {
            tracing::warn!(%runtime, %error, "cannot remove the network rules of a runtime");
        }
    }

    /// Connects an instance if its runtime has a list, and it is not connected yet. An instance of a runtime whose
    /// list cannot be enforced is not to run.
    pub(super) async fn attach(&self, runtime: RuntimeId, made: &mut Made) -> Result<(), String> {
        if made.attachment.is_some() {
            return Ok(());
        }
        let listed = lock(&self.runtimes).get(&runtime).cloned();
        let Some(policy) = listed.map(|listed| lock(&listed.state).policy()).transpose()?.flatten() else {
            return Ok(());
        };
        let network = lock(&self.network).network.clone();
        let Some(network) = network else { return Ok(()) };
        let attachment = network.attach(&made.instance, &policy).await.map_err(|fault| told(&fault))?;
        made.attachment = Some(Arc::new(attachment));
        Ok(())
    }

    async fn enforce(&self, listed: &Listed, blocks: &[IpNet]) -> Result<(), NetworkFault> {
        let network = self.network()?;
        let policy = lock(&listed.state).policy.get_or_insert_with(|| network.policy()).clone();
        network.allow(&policy, blocks.to_vec()).await
    }

    fn network(&self) -> Result<Network, NetworkFault> {
        let mut opened = lock(&self.network);
        if let Some(network) = &opened.network {
            return Ok(network.clone());
        }
        match &opened.failed {
            Some((when, fault)) if when.elapsed() < PATIENCE => return Err(fault.clone()),
            _ => {}
        }
        let network = Network::open(&self.settings).inspect_err(|fault| {
            opened.failed = Some((Instant::now(), fault.clone()));
        })?;
        Ok(opened.network.insert(network).clone())
    }

    fn listed(&self, runtime: RuntimeId) -> Arc<Listed> {
        lock(&self.runtimes).entry(runtime).or_default().clone()
    }
}

impl State {
    /// `always` means that a runtime without a list is to be connected as well.
    fn is_in_step(&self, blocks: &[IpNet], always: bool) -> bool {
        let unneeded = blocks.is_empty() && !always && self.policy.is_none();
        self.fault.is_none() && self.blocks == blocks && (unneeded || self.policy.is_some())
    }

    /// What to connect an instance to.
    fn policy(&self) -> Result<Option<Policy>, String> {
        match &self.fault {
            Some(fault) if !self.blocks.is_empty() => Err(told(fault)),
            Some(_) => Ok(None),
            None => Ok(self.policy.clone()),
        }
    }
}

fn told(fault: &NetworkFault) -> String {
    format!("{fault}; hint: {}", fault.remedy())
}

/// Says of a script that failed what it could not reach, where that is known.
pub(super) fn explain(outcome: RunOutcome, attachment: Option<&Attachment>) -> RunOutcome {
    let Some(attachment) = attachment else { return outcome };
    // Also when the script did not fail: whoever counts wants to know.
    let attempts = attachment.attempts();
    let ending = match (outcome.ending, attempts.last()) {
        (Ending::Failed { message }, Some(attempt)) => {
            Ending::Failed { message: format!("{message}; hint: {}", described(attempt)) }
        }
        (ending, _) => ending,
    };
    RunOutcome { ending, ..outcome }
}

fn described(attempt: &Attempt) -> String {
    let (address, port) = (attempt.target.ip(), attempt.target.port());
    match &attempt.outcome {
        Outcome::NotListed => format!("the runtime's whitelist does not allow {address} port {port}"),
        Outcome::Unreachable(why) => format!("{address} port {port} is on the whitelist but cannot be reached: {why}"),
        Outcome::TooMany => format!("there were too many connections at once, among them to {address} port {port}"),
    }
}

fn count_refused(runtime: RuntimeId, state: &mut State) {
    if let Some(policy) = &state.policy {
        let (refused, counted) = (policy.refused(), state.counted);
        state.counted = refused;
        metrics::counter!(REFUSED_METRIC, "runtime" => runtime.to_string()).increment(refused.saturating_sub(counted));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
