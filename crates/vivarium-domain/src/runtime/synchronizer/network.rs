//! Has the whitelists enforced, and says of a runtime that they cannot be.

use super::Synchronizer;
use crate::error::Result;
use crate::runtime::model::Runtime;
use crate::runtime::node_state::{NodeRuntimeState, SyncState};
use crate::runtime::whitelist::UNENFORCED;

impl Synchronizer {
    /// First of all that is to be done: other steps may take long.
    pub(super) async fn enforce_whitelists(&self, runtimes: &[Runtime]) -> Result<()> {
        for runtime in runtimes.iter().filter(|runtime| !runtime.stopped) {
            let enforced = self.parts.instances.permit(runtime.id, &runtime.definition.whitelist).await;
            if self.builds.contains_key(&runtime.id) {
                continue;
            }
            let state = self.parts.node_runtimes.get(runtime.id);
            if let Some(corrected) = state.and_then(|state| corrected(state, enforced.err())) {
                let updated = self.parts.clock.now();
                self.parts.node_runtimes.report(NodeRuntimeState { updated, ..corrected }).await?;
            }
        }
        Ok(())
    }
}

/// What to report instead of `state`, if it does not tell the truth about the network. Apart from that a runtime with
/// such a fault is in order.
fn corrected(state: NodeRuntimeState, fault: Option<String>) -> Option<NodeRuntimeState> {
    let told = state.fault.as_ref().is_some_and(|fault| fault.starts_with(UNENFORCED));
    let fault = fault.map(|reason| format!("{UNENFORCED}{reason}"));
    match fault {
        Some(_) if state.state == SyncState::Ready || (told && state.fault != fault) => {
            Some(NodeRuntimeState { state: SyncState::Failed, fault, ..state })
        }
        None if told => Some(NodeRuntimeState { state: SyncState::Ready, fault: None, ..state }),
        _ => None,
    }
}
