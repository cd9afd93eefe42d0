//! Runtimes (contract 4.1; samples in the seeds).

use serde::Serialize;
use vivarium_domain::runtime::{PackageState, Resource, RuntimeView, Synchronization};

use super::access::{AccessEntry, Owner, access_list};
use super::date::date;

/// Type code of runtimes.
pub(crate) const RUNTIME_TYPE: u32 = 80;
/// Subtype code of runtimes.
pub(super) const RUNTIME_SUBTYPE: u32 = 20480;

/// A runtime. Every key but `message` is always there: clients filter lists by the keys of the first element.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuntimeDocument {
    name: String,
    id: String,
    #[serde(rename = "type")]
    kind: u32,
    description: String,
    subtype: u32,
    date_created: String,
    date_modified: String,
    version: String,
    acg: u32,
    owner: Owner,
    acl: Vec<AccessEntry>,
    whitelist: Vec<String>,
    packages: Vec<Package>,
    resource: Limits,
    runtime_version: String,
    exec_timeout: u32,
    others: String,
    status: &'static str,
    min_cached_instances: u32,
    max_cached_instances: u32,
    execution_target: String,
    /// Whether an operator took it out of service; the samples have no word for that.
    stopped: bool,
    /// Where its instances come from: an addition of this server.
    instance_mode: &'static str,
    /// Why `status` is `error`, where no package says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Layers of isolation that the node that answers does without; absent where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing_layers: Vec<String>,
}

/// A package and what became of it. `version` is what was asked for, `installedVersion` what is there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    name: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    installed_version: Option<String>,
    description: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// The limits in force: cores as a decimal text, memory and disk in MB, number of processes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Limits {
    cpu: String,
    mem: u64,
    disk: u64,
    proc_count: u32,
}

impl From<RuntimeView> for RuntimeDocument {
    fn from(view: RuntimeView) -> Self {
        let message = fault(&view);
        let RuntimeView { runtime, rights, owner_name, trustees, packages, status, missing_layers, .. } = view;
        let definition = runtime.definition;
        Self {
            name: definition.name.to_string(),
            id: runtime.id.to_string(),
            kind: RUNTIME_TYPE,
            description: definition.description,
            subtype: RUNTIME_SUBTYPE,
            date_created: date(runtime.created),
            date_modified: date(runtime.modified),
            version: runtime.revision.to_string(),
            acg: rights.bits(),
            owner: Owner::new(runtime.owner, &owner_name),
            acl: access_list(&runtime.acl, &trustees),
            whitelist: definition.whitelist.iter().map(ToString::to_string).collect(),
            packages: packages.into_iter().map(Package::from).collect(),
            resource: Limits::from(&definition.resource),
            runtime_version: definition.python_version,
            exec_timeout: definition.time_limit_seconds,
            others: definition.others,
            status: status.as_str(),
            min_cached_instances: definition.min_cached_instances,
            max_cached_instances: definition.max_cached_instances,
            execution_target: definition.execution_target,
            stopped: runtime.stopped,
            instance_mode: definition.instance_mode.as_str(),
            message,
            missing_layers,
        }
    }
}

/// What the nodes say where no package explains the failure.
fn fault(view: &RuntimeView) -> Option<String> {
    match &view.synchronization {
        Synchronization::Failed(faults) if view.packages.iter().all(|package| package.message.is_none()) => {
            let lines: Vec<_> =
                faults.iter().map(|fault| format!("node `{}`: {}", fault.node, fault.message)).collect();
            Some(lines.join("; "))
        }
        _ => None,
    }
}

impl From<PackageState> for Package {
    fn from(state: PackageState) -> Self {
        Self {
            name: state.spec.name,
            version: state.spec.version,
            installed_version: state.installed_version,
            description: state.spec.description,
            status: state.status.as_str(),
            message: state.message,
        }
    }
}

impl From<&Resource> for Limits {
    fn from(resource: &Resource) -> Self {
        Self {
            cpu: cores(resource.cpu_millis),
            mem: resource.memory_mib,
            disk: resource.disk_mib,
            proc_count: resource.processes,
        }
    }
}

/// Thousandths of a core as a decimal number of cores without needless zeros.
fn cores(millis: u32) -> String {
    let text = format!("{}.{:03}", millis / 1000, millis % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_decimal_texts() {
        for (millis, text) in [(200, "0.2"), (1000, "1"), (1500, "1.5"), (1, "0.001"), (10_000, "10")] {
            assert_eq!(cores(millis), text);
        }
    }
}
