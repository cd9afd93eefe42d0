//! The state of a runtime over its nodes: a fold over what they report.

use super::definition::RuntimeDefinition;
use super::model::Runtime;
use super::node_state::{NodeRuntimeState, SyncState};
use super::package::{PackageReport, PackageSpec, PackageState, PackageStatus};

/// The state of a runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuntimeStatus {
    /// No node has reported yet.
    Unknown,
    /// Every node is in step.
    Ready,
    /// Some node is building or replacing.
    Busy,
    /// A package or the interpreter could not be provided on some node.
    Error,
}

impl RuntimeStatus {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ready => "ready",
            Self::Busy => "busy",
            Self::Error => "error",
        }
    }
}

/// The state of `runtime`, folded over the reports of the nodes that are alive.
/// A node that still speaks of an older build has the new one before it: that counts as busy.
/// One failure outweighs everything, because somebody has to act on it.
pub fn overall_status(runtime: &Runtime, alive: &[NodeRuntimeState]) -> RuntimeStatus {
    let current = |state: &&NodeRuntimeState| state.build == runtime.build;
    if alive.is_empty() {
        RuntimeStatus::Unknown
    } else if alive.iter().filter(current).any(|state| state.state == SyncState::Failed) {
        RuntimeStatus::Error
    } else if alive.iter().all(|state| current(&state) && state.state == SyncState::Ready) {
        RuntimeStatus::Ready
    } else {
        RuntimeStatus::Busy
    }
}

/// The state of each package of the definition, folded over the same reports:
/// a failure on some node outweighs work in progress, which outweighs success.
pub fn package_statuses(runtime: &Runtime, alive: &[NodeRuntimeState]) -> Vec<PackageState> {
    let RuntimeDefinition { packages, .. } = &runtime.definition;
    packages.iter().enumerate().map(|(index, spec)| package_state(runtime, alive, index, spec)).collect()
}

fn package_state(runtime: &Runtime, alive: &[NodeRuntimeState], index: usize, spec: &PackageSpec) -> PackageState {
    let reports: Vec<Option<&PackageReport>> =
        alive.iter().map(|state| state.packages.get(index).filter(|_| state.build == runtime.build)).collect();
    let first = |status: PackageStatus| reports.iter().flatten().find(|report| report.status == status);
    let plain = |status| PackageState { spec: spec.clone(), status, installed_version: None, message: None };
    if let Some(report) = first(PackageStatus::NotInstalled) {
        PackageState { message: report.message.clone(), ..plain(PackageStatus::NotInstalled) }
    } else if reports.is_empty() || reports.iter().flatten().any(|report| report.status == PackageStatus::Unknown) {
        plain(PackageStatus::Unknown)
    } else if reports.iter().any(Option::is_none) || first(PackageStatus::Installing).is_some() {
        plain(PackageStatus::Installing)
    } else {
        let version = first(PackageStatus::Installed).and_then(|report| report.installed_version.clone());
        PackageState { installed_version: version, ..plain(PackageStatus::Installed) }
    }
}
