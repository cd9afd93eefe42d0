//! The use cases over their adapters.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use vivarium_domain::account::Accounts;
use vivarium_domain::evaluation::{EvaluationParts, EvaluationSettings, Evaluations};
use vivarium_domain::id::NodeId;
use vivarium_domain::name::Name;
use vivarium_domain::node::{NodeSettings, Nodes};
use vivarium_domain::ports::{Environments, Instances, Retention, Store};
use vivarium_domain::project::Projects;
use vivarium_domain::runtime::{
    NodeRuntimes, PackageSpec, RuntimeParts, RuntimeSettings, Runtimes, Synchronizer, SynchronizerParts,
};
use vivarium_domain::time::{SharedClock, SystemClock};
use vivarium_python::{PythonEnvironments, PythonInstances};
use vivarium_sandbox::Sandbox;
use vivarium_store::SqlStore;

use super::adapters;
use super::data_directory::DataDirectory;
use super::host;
use crate::Environment;
use crate::configuration::Configuration;
use crate::fault::{Context, Fault, Outcome, chain};

/// What a server is made of.
pub(crate) struct Assembly {
    pub(super) store: Arc<SqlStore>,
    pub(super) sandbox: Sandbox,
    pub(super) environments: Arc<PythonEnvironments>,
    pub(super) instances: Arc<PythonInstances>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) projects: Arc<Projects>,
    pub(super) evaluations: Arc<Evaluations>,
    pub(super) runtimes: Arc<Runtimes>,
    pub(super) nodes: Arc<Nodes>,
    pub(super) synchronizer: Synchronizer,
}

/// What the parts have in common.
struct Common {
    store: Arc<dyn Store>,
    clock: SharedClock,
    environments: Arc<dyn Environments>,
    instances: Arc<dyn Instances>,
    node_runtimes: Arc<NodeRuntimes>,
    wake: Arc<Notify>,
}

impl Assembly {
    /// Puts the parts together, in their order; nothing runs yet.
    pub(crate) async fn build(
        configuration: &Configuration,
        data: &DataDirectory,
        environment: &Environment,
        address: SocketAddr,
    ) -> Outcome<Self> {
        let network = adapters::network_settings(configuration, address)?;
        let store = adapters::open_store(adapters::store_settings(configuration, data)?).await?;
        let node = data.node_id()?;
        let sandbox = open_sandbox(configuration, node)?;
        let settings = adapters::python_settings(configuration, data.path(), environment);
        let environments = PythonEnvironments::open(settings).await.context("cannot look for interpreters")?;
        let environments = environments.with_source_builds(sandbox.clone()).context("cannot keep built packages")?;
        let environments = Arc::new(environments);
        let pool = adapters::pool_settings(configuration);
        let instances = Arc::new(PythonInstances::new(environments.clone(), sandbox.clone(), pool, network));
        let common = Common::load(store.clone(), environments.clone(), instances.clone(), node).await?;
        let evaluations = common.evaluations(configuration);
        Ok(Self {
            accounts: adapters::accounts(configuration, store.clone())?,
            projects: Arc::new(Projects::new(store.clone(), common.clock.clone())),
            runtimes: common.runtimes(configuration, evaluations.clone())?,
            nodes: common.nodes(configuration, node, address.to_string(), &sandbox),
            synchronizer: common.synchronizer(evaluations.clone()),
            store,
            sandbox,
            environments,
            instances,
            evaluations,
        })
    }

    /// Puts the database in order before anything is accepted. The generated password, if this was the first start.
    pub(crate) async fn prepare(&self, configuration: &Configuration) -> Outcome<Option<String>> {
        let recovered = self.evaluations.recover().await.context("cannot close evaluations of the last run")?;
        if recovered > 0 {
            tracing::warn!(evaluations = recovered, "closed evaluations that ran when the server ended without notice");
        }
        self.nodes.register().await.map_err(|error| {
            Fault::new(format!("cannot register this node: {}", chain(&error)))
                .hint("choose another name with `--node-name`, or see that the other node has gone")
        })?;
        let password = configuration.administrator.password.as_deref();
        let generated = self.accounts.ensure_administrator(password).await.context("cannot add the administrator")?;
        self.projects.ensure(&project_names(configuration)?).await.context("cannot add the projects")?;
        if self.environments.interpreters().is_empty() {
            tracing::warn!("no Python interpreter was found; install one, or name it in `interpreters.paths`");
        } else {
            self.runtimes.ensure_default().await.context("cannot add the default runtime")?;
        }
        Ok(generated)
    }
}

impl Common {
    async fn load(
        store: Arc<dyn Store>,
        environments: Arc<dyn Environments>,
        instances: Arc<dyn Instances>,
        node: NodeId,
    ) -> Outcome<Self> {
        let node_runtimes = NodeRuntimes::load(node, store.clone()).await;
        let node_runtimes = Arc::new(node_runtimes.context("cannot read the state of this node")?);
        let (clock, wake) = (Arc::new(SystemClock), Arc::new(Notify::new()));
        Ok(Self { store, clock, environments, instances, node_runtimes, wake })
    }

    fn evaluations(&self, configuration: &Configuration) -> Arc<Evaluations> {
        Arc::new(Evaluations::new(EvaluationParts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            instances: self.instances.clone(),
            node_runtimes: self.node_runtimes.clone(),
            introduction: adapters::introduction(configuration),
            settings: evaluation_settings(configuration),
        }))
    }

    fn runtimes(&self, configuration: &Configuration, evaluations: Arc<Evaluations>) -> Outcome<Arc<Runtimes>> {
        let default_packages = configuration.runtimes.default_packages.iter();
        let settings = RuntimeSettings {
            default_packages: default_packages.map(|text| package(text)).collect::<Outcome<_>>()?,
            capacity: host::capacity(&configuration.runtimes),
        };
        Ok(Arc::new(Runtimes::new(RuntimeParts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            environments: self.environments.clone(),
            evaluations,
            wake: self.wake.clone(),
            settings,
        })))
    }

    fn nodes(&self, configuration: &Configuration, id: NodeId, address: String, sandbox: &Sandbox) -> Arc<Nodes> {
        let name = configuration.server.node_name.clone().unwrap_or_else(host::host_name);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let missing_layers = sandbox.missing().iter().map(ToString::to_string).collect();
        let settings = NodeSettings { id, name, address, version, missing_layers };
        Arc::new(Nodes::new(self.store.clone(), self.clock.clone(), settings))
    }

    fn synchronizer(self, evaluations: Arc<Evaluations>) -> Synchronizer {
        Synchronizer::new(SynchronizerParts {
            store: self.store,
            clock: self.clock,
            environments: self.environments,
            evaluations,
            instances: self.instances,
            node_runtimes: self.node_runtimes,
            wake: self.wake,
        })
    }
}

/// The sandbox, with what an earlier run has left removed.
fn open_sandbox(configuration: &Configuration, node: NodeId) -> Outcome<Sandbox> {
    let settings = adapters::sandbox_settings(configuration, &node.to_string().to_lowercase())?;
    let fault = |error: &vivarium_sandbox::SandboxError| {
        let hint = error.remedy().unwrap_or("`vivarium doctor` tells what this host lacks");
        Fault::new(format!("cannot isolate evaluations on this host: {}", chain(error))).hint(hint)
    };
    let sandbox = Sandbox::new(settings).map_err(|error| fault(&error))?;
    let leftovers = sandbox.remove_leftovers().map_err(|error| fault(&error))?;
    if leftovers.processes + leftovers.cgroups > 0 {
        let (processes, cgroups) = (leftovers.processes, leftovers.cgroups);
        tracing::warn!(processes, cgroups, "removed what an earlier run had left");
    }
    for layer in sandbox.missing() {
        tracing::warn!(layer = layer.name(), "instances run without a layer that the configuration has lowered");
    }
    Ok(sandbox)
}

fn evaluation_settings(configuration: &Configuration) -> EvaluationSettings {
    let section = &configuration.evaluations;
    let max_running = if section.max_running == 0 { 2 * host::cores() } else { section.max_running };
    EvaluationSettings {
        max_running,
        max_queued: section.max_queued,
        output_bytes: section.output_bytes,
        result_bytes: section.result_bytes,
        source_bytes: section.source_bytes,
        retention: Retention { age: Duration::from_secs(section.keep_seconds), count: section.keep_count },
        grace: Duration::from_secs(section.grace_seconds),
    }
}

fn project_names(configuration: &Configuration) -> Outcome<Vec<Name>> {
    let read = |text: &String| {
        Name::parse(text)
            .map_err(|error| Fault::usage(format!("cannot use the setting `projects.names`: `{text}` {error}")))
    };
    configuration.projects.names.iter().map(read).collect()
}

/// Reads `name`, `name==1.0` or `name>=1,<2`.
fn package(text: &str) -> Outcome<PackageSpec> {
    let at = text.find(['=', '<', '>', '!', '~']).unwrap_or(text.len());
    let (name, version) = text.split_at(at);
    let (name, version) = (name.trim().to_owned(), version.trim().to_owned());
    let spec = PackageSpec { name, version, description: String::new() };
    match spec.requirement() {
        Ok(_) => Ok(spec),
        Err((_, reason)) => {
            Err(Fault::usage(format!("cannot use the setting `runtimes.default_packages`: `{text}`: {reason}")))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_default_package_may_carry_a_version() {
        let spec = package("mstrio-py==11.6.10.101").unwrap();
        assert_eq!((spec.name.as_str(), spec.version.as_str()), ("mstrio-py", "==11.6.10.101"));
        assert_eq!(package("requests[socks] >=2,<3").unwrap().requirement().unwrap(), "requests[socks]>=2,<3");
        assert!(package("two words").is_err());
    }
}
