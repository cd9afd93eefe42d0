//! From stored runtimes and node reports to what callers see.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::model::{NodeFault, Runtime, RuntimeView, Synchronization};
use super::node_state::{NodeRuntimeState, SyncState};
use super::status::{RuntimeStatus, overall_status, package_statuses};
use crate::access::{Caller, EVERYONE, PUBLIC_GUEST, Trustee, TrusteeKind};
use crate::error::Result;
use crate::id::{NodeId, RuntimeId, TrusteeId, UserId};
use crate::ports::Store;
use crate::time::Timestamp;

/// What a view needs beside the runtime itself, read once for a whole list.
pub(super) struct Backdrop {
    users: HashMap<UserId, String>,
    live_nodes: HashMap<NodeId, String>,
    /// What any of the live nodes lacks, by name.
    missing_layers: BTreeSet<String>,
    states: HashMap<RuntimeId, Vec<NodeRuntimeState>>,
}

impl Backdrop {
    /// For all runtimes, or for one.
    pub(super) async fn read(store: &Arc<dyn Store>, only: Option<RuntimeId>, now: Timestamp) -> Result<Self> {
        let users = store.users().await?.into_iter().map(|user| (user.id, user.full_name)).collect();
        let nodes: Vec<_> = store.nodes().await?.into_iter().filter(|node| node.is_alive(now)).collect();
        let missing_layers = nodes.iter().flat_map(|node| node.missing_layers.clone()).collect();
        let live_nodes: HashMap<NodeId, String> = nodes.into_iter().map(|node| (node.id, node.name)).collect();
        let reports = match only {
            Some(runtime) => store.node_states_of(runtime).await?,
            None => store.node_states().await?,
        };
        let mut states: HashMap<RuntimeId, Vec<NodeRuntimeState>> = HashMap::new();
        for report in reports.into_iter().filter(|report| live_nodes.contains_key(&report.node)) {
            states.entry(report.runtime).or_default().push(report);
        }
        Ok(Self { users, live_nodes, missing_layers, states })
    }

    /// `runtime` as `caller` sees it.
    pub(super) fn view(&self, caller: &Caller, runtime: Runtime) -> RuntimeView {
        let states = self.states.get(&runtime.id).map_or(&[][..], Vec::as_slice);
        let status = overall_status(&runtime, states);
        RuntimeView {
            rights: caller.rights_on(&runtime.acl),
            owner_name: self.user_name(runtime.owner),
            trustees: runtime.acl.0.iter().map(|entry| self.trustee(entry.trustee, entry.kind)).collect(),
            packages: package_statuses(&runtime, states),
            status,
            running: !runtime.stopped && states.iter().any(|state| !state.stopped && state.serving.is_some()),
            synchronization: self.synchronization(&runtime, status, states),
            missing_layers: self.missing_layers.iter().cloned().collect(),
            runtime,
        }
    }

    /// A stopped runtime has nothing to be out of step with.
    fn synchronization(
        &self,
        runtime: &Runtime,
        status: RuntimeStatus,
        states: &[NodeRuntimeState],
    ) -> Synchronization {
        match status {
            RuntimeStatus::Error => {
                let failed =
                    states.iter().filter(|state| state.build == runtime.build && state.state == SyncState::Failed);
                Synchronization::Failed(failed.map(|state| self.fault(state)).collect())
            }
            RuntimeStatus::Ready => Synchronization::InStep,
            RuntimeStatus::Busy | RuntimeStatus::Unknown if runtime.stopped => Synchronization::InStep,
            RuntimeStatus::Busy | RuntimeStatus::Unknown => Synchronization::InProgress,
        }
    }

    fn fault(&self, state: &NodeRuntimeState) -> NodeFault {
        let package = state.packages.iter().find_map(|report| Some((report, report.message.as_ref()?)));
        let message = match (&state.fault, package) {
            (Some(fault), _) => fault.clone(),
            (None, Some((report, message))) => format!("package `{}`: {message}", report.name),
            (None, None) => "the environment could not be provided".to_owned(),
        };
        NodeFault { node: self.live_nodes.get(&state.node).cloned().unwrap_or_default(), message }
    }

    fn trustee(&self, id: TrusteeId, kind: TrusteeKind) -> Trustee {
        let name = match id {
            EVERYONE => "Everyone".to_owned(),
            PUBLIC_GUEST => "Public / Guest".to_owned(),
            TrusteeId(user) => self.user_name(UserId(user)),
        };
        Trustee { id, name, kind }
    }

    /// Objects may outlive their owners.
    fn user_name(&self, id: UserId) -> String {
        self.users.get(&id).cloned().unwrap_or_else(|| format!("(removed user {id})"))
    }
}
