//! Definitions of runtimes (contract 4).

use serde_json::Value;
use vivarium_domain::runtime::{
    Capacity, PackageChange, ResourceChange, RuntimeChange, RuntimeDefinition, Surroundings,
};
use vivarium_domain::{Error, FieldError, Result};

use super::reader::{Faults, Object};

/// A definition in which some fields have the wrong type.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// What of it could be read.
    readable: RuntimeChange,
    faults: Vec<FieldError>,
}

/// What a POST or a PATCH of a runtime asks for. `changeJournal` and unknown keys are ignored.
pub(crate) fn runtime_change(document: &Value) -> Result<Result<RuntimeChange, Unreadable>> {
    let faults = Faults::default();
    let root = faults.root(document)?;
    let change = RuntimeChange {
        name: root.text("name"),
        description: root.text("description"),
        whitelist: root.texts("whitelist"),
        packages: root.objects("packages").map(|packages| packages.iter().map(package).collect()),
        resource: root.object("resource").map(|resource| resource_change(&resource)),
        time_limit_seconds: root.integer("execTimeout"),
        min_cached_instances: root.integer("minCachedInstances"),
        max_cached_instances: root.integer("maxCachedInstances"),
        python_version: root.text("runtimeVersion"),
        others: root.text("others"),
        execution_target: root.text("executionTarget"),
    };
    let faults = faults.into_list();
    Ok(if faults.is_empty() { Ok(change) } else { Err(Unreadable { readable: change, faults }) })
}

fn package(package: &Object<'_>) -> PackageChange {
    PackageChange {
        name: package.required("name", package.text("name")).unwrap_or_default(),
        version: package.text("version").unwrap_or_default(),
        description: package.text("description").unwrap_or_default(),
    }
}

fn resource_change(resource: &Object<'_>) -> ResourceChange {
    ResourceChange {
        cpu: resource.decimal("cpu"),
        memory_mib: resource.integer("mem"),
        disk_mib: resource.integer("disk"),
        processes: resource.integer("procCount"),
    }
}

/// No node is that large: what is left to find is wrong on every node.
const BOUNDLESS: Capacity = Capacity { cores: u32::MAX, memory_mib: u64::MAX, disk_mib: u64::MAX };

impl Unreadable {
    /// One error that names the fields of the wrong type and the faults of all others as well,
    /// so that nobody has to correct a definition twice.
    pub(crate) fn into_error(self, interpreters: &[String], base: Option<&RuntimeDefinition>) -> Error {
        let interpreters = interpreters.iter().filter_map(|version| version.parse().ok()).collect();
        let around = Surroundings { interpreters, capacity: BOUNDLESS };
        let mut faults = self.faults;
        for fault in self.readable.apply(base, &around).err().unwrap_or_default() {
            if !faults.iter().any(|known| known.field == fault.field) {
                faults.push(fault);
            }
        }
        Error::invalid_fields(faults)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn wrong_types_and_wrong_values_are_named_together() {
        let document =
            json!({"name": 5, "packages": {}, "whitelist": ["x", 7], "execTimeout": 0, "resource": {"mem": "1"}});
        let unreadable = runtime_change(&document).unwrap().unwrap_err();
        let error = unreadable.into_error(&["3.12.4".to_owned()], None);
        let fields: Vec<_> = error.fields().iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["name", "whitelist[1]", "packages", "resource.mem", "execTimeout", "whitelist[0]"]);
    }
}
