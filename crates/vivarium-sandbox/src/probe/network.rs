//! Whether whitelists can be enforced here: makes a router, loads rules and connects an instance.

use super::{Prober, State};
use crate::network::{Network, NetworkSettings};
use crate::settings::Settings;

/// The verdict on the network. Runtimes without a whitelist do without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkProof {
    /// [`State::On`] or [`State::Missing`].
    pub state: State,
    /// How that was proven, or why it could not be.
    pub proof: String,
    /// Advice when it is missing.
    pub remedy: Option<String>,
}

/// An address for documentation, RFC 5737.
const BLOCK: &str = "192.0.2.1/32";

/// Tries it. Must be called within a tokio runtime with IO enabled.
pub async fn prove_network(settings: Settings) -> NetworkProof {
    match try_it(settings).await {
        Ok(proof) => NetworkProof { state: State::On, proof, remedy: None },
        Err((proof, remedy)) => NetworkProof { state: State::Missing, proof, remedy },
    }
}

async fn try_it(settings: Settings) -> Result<String, (String, Option<String>)> {
    let told = |fault: crate::network::NetworkFault| (fault.to_string(), Some(fault.remedy().to_owned()));
    let network = Network::open(&NetworkSettings::default()).map_err(told)?;
    let policy = network.policy();
    network.allow(&policy, BLOCK.parse().into_iter().collect()).await.map_err(told)?;
    let untried = |error: crate::SandboxError| (error.to_string(), error.remedy().map(str::to_owned));
    let prober = Prober::new(settings).map_err(untried)?;
    // It burns some time, so that it is there while it is connected.
    let instance = prober.sandbox.spawn(prober.plan("cpu")).await.map_err(untried)?;
    let attached = network.attach(&instance, &policy).await.map(drop).map_err(told);
    drop(instance);
    prober.sandbox.close().await;
    attached.map(|()| "made a router, loaded rules with `nft`, and connected an instance".to_owned())
}
