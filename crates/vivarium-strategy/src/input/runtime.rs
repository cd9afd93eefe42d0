//! Definitions of runtimes (contract 4).

use serde_json::Value;
use vivarium_domain::Result;
use vivarium_domain::runtime::{PackageChange, ResourceChange, RuntimeChange};

use super::reader::{Faults, Object};

/// What a POST or a PATCH of a runtime asks for. `changeJournal` and unknown keys are ignored.
pub(crate) fn runtime_change(document: &Value) -> Result<RuntimeChange> {
    let faults = Faults::default();
    let root = faults.root(document)?;
    let mut change = RuntimeChange {
        unreadable: Vec::new(),
        name: root.text("name"),
        description: root.text("description"),
        whitelist: root.texts("whitelist"),
        packages: root.objects("packages").map(|packages| packages.iter().map(package).collect()),
        resource: root.object("resource").map(|resource| resource_change(&resource)),
        time_limit_seconds: root.integer("execTimeout"),
        min_cached_instances: root.integer("minCachedInstances"),
        max_cached_instances: root.integer("maxCachedInstances"),
        instance_mode: root.text("instanceMode"),
        python_version: root.text("runtimeVersion"),
        others: root.text("others"),
        execution_target: root.text("executionTarget"),
    };
    change.unreadable = faults.into_list();
    Ok(change)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_the_wrong_type_are_named_and_the_rest_is_read() {
        let document =
            json!({"name": 5, "packages": {}, "whitelist": ["x", 7], "execTimeout": 0, "resource": {"mem": "1"}});
        let change = runtime_change(&document).unwrap();
        let fields: Vec<_> = change.unreadable.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["name", "whitelist[1]", "packages", "resource.mem"]);
        assert_eq!(change.time_limit_seconds, Some(0));
    }
}
