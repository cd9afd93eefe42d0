//! A requested change of a definition, and the rules that turn it into a definition.
//!
//! Field names in faults are those of the Strategy dialect (contract 4.1), the only one that changes definitions.

use ipnet::IpNet;

use super::definition::{InstanceMode, Resource, RuntimeDefinition};
use super::package::PackageSpec;
use super::version::PythonVersion;
use super::whitelist::parse_block;
use crate::error::FieldError;
use crate::name::Name;

const MAX_DESCRIPTION_CHARS: usize = 5_000;
const MAX_TEXT_CHARS: usize = 10_000;
const MAX_BLOCKS: usize = 1_000;
const MAX_PACKAGES: usize = 500;
const MAX_REQUIREMENT_CHARS: usize = 300;
const MAX_TIME_LIMIT_SECONDS: i64 = 86_400;
const MAX_CACHED_INSTANCES: i64 = 1_000;
const MAX_PROCESSES: i64 = 10_000;
const MIN_MEMORY_MIB: i64 = 32;

/// Time limit of a definition that names none, in seconds.
const DEFAULT_TIME_LIMIT_SECONDS: u32 = 600;
/// Parked instances at most, of a definition that does not say.
const DEFAULT_MAX_CACHED_INSTANCES: u32 = 2;

/// What a request wants of a definition; `None` means that it does not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuntimeChange {
    /// Fields that could not even be read. They fail the change, together with every other fault,
    /// so that nobody has to correct a definition twice.
    pub unreadable: Vec<FieldError>,
    /// Name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Blocks in CIDR notation, replacing all that were there; empty texts count as nothing.
    pub whitelist: Option<Vec<String>>,
    /// Packages, replacing all that were there.
    pub packages: Option<Vec<PackageChange>>,
    /// Limits; those that are not named stay.
    pub resource: Option<ResourceChange>,
    /// Wall clock limit in seconds.
    pub time_limit_seconds: Option<i64>,
    /// Parked instances to keep at least.
    pub min_cached_instances: Option<i64>,
    /// Parked instances to keep at most.
    pub max_cached_instances: Option<i64>,
    /// Name of an [`InstanceMode`].
    pub instance_mode: Option<String>,
    /// `X.Y` or `X.Y.Z`; an empty text means the newest.
    pub python_version: Option<String>,
    /// Kept as given.
    pub others: Option<String>,
    /// Kept as given.
    pub execution_target: Option<String>,
}

/// A wanted package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageChange {
    /// Name with optional extras.
    pub name: String,
    /// Version, specifier or nothing.
    pub version: String,
    /// What it is for.
    pub description: String,
}

/// Wanted limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceChange {
    /// Cores as a decimal number.
    pub cpu: Option<String>,
    /// Memory in MiB.
    pub memory_mib: Option<i64>,
    /// Writable space in MiB.
    pub disk_mib: Option<i64>,
    /// Processes and threads.
    pub processes: Option<i64>,
}

/// The most that one evaluation can ever get on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Processor cores.
    pub cores: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Space in MiB; writable space of instances lives in memory.
    pub disk_mib: u64,
}

/// What a definition is checked against.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Versions of the interpreters that are there, the newest first.
    pub interpreters: Vec<PythonVersion>,
    /// What the node can give.
    pub capacity: Capacity,
}

impl RuntimeChange {
    /// The definition that results from this change of `base`, or of the defaults where there is none.
    ///
    /// # Errors
    /// Every fault of every field.
    pub fn apply(
        self,
        base: Option<&RuntimeDefinition>,
        around: &Surroundings,
    ) -> Result<RuntimeDefinition, Vec<FieldError>> {
        let mut change = self;
        let mut checks = Checks { faults: std::mem::take(&mut change.unreadable), around };
        let definition = checks.definition(change, base);
        match definition {
            Some(definition) if checks.faults.is_empty() => Ok(definition),
            _ => Err(checks.faults),
        }
    }
}

struct Checks<'around> {
    faults: Vec<FieldError>,
    around: &'around Surroundings,
}

impl Checks<'_> {
    /// Of several faults of one field the first is the one to know.
    fn fault(&mut self, field: impl Into<String>, message: impl Into<String>) {
        let fault = FieldError::new(field, message);
        if !self.faults.iter().any(|known| known.field == fault.field) {
            self.faults.push(fault);
        }
    }

    /// `None` only where the name or the version is at fault: nothing can stand in for them.
    fn definition(&mut self, change: RuntimeChange, base: Option<&RuntimeDefinition>) -> Option<RuntimeDefinition> {
        let name = self.name(change.name, base);
        let python_version = self.python_version(change.python_version, base);
        let min = self.number("minCachedInstances", change.min_cached_instances, 0..=MAX_CACHED_INSTANCES);
        let max = self.number("maxCachedInstances", change.max_cached_instances, 0..=MAX_CACHED_INSTANCES);
        let (min_cached_instances, max_cached_instances) = self.cached_instances(min, max, base);
        let instance_mode = self.instance_mode(change.instance_mode.as_deref(), base);
        let time_limit = self.number("execTimeout", change.time_limit_seconds, 1..=MAX_TIME_LIMIT_SECONDS);
        let description = self.text("description", change.description, MAX_DESCRIPTION_CHARS);
        let others = self.text("others", change.others, MAX_TEXT_CHARS);
        let execution_target = self.text("executionTarget", change.execution_target, MAX_TEXT_CHARS);
        let whitelist = change.whitelist.map(|blocks| self.whitelist(&blocks));
        let packages = change.packages.map(|packages| self.packages(packages));
        let resource =
            self.resource(change.resource.unwrap_or_default(), base.map(|base| base.resource).unwrap_or_default());
        Some(RuntimeDefinition {
            name: name?,
            description: description.or_else(|| base.map(|base| base.description.clone())).unwrap_or_default(),
            whitelist: whitelist.or_else(|| base.map(|base| base.whitelist.clone())).unwrap_or_default(),
            packages: packages.or_else(|| base.map(|base| base.packages.clone())).unwrap_or_default(),
            resource,
            time_limit_seconds: time_limit
                .or(base.map(|base| base.time_limit_seconds))
                .unwrap_or(DEFAULT_TIME_LIMIT_SECONDS),
            min_cached_instances,
            max_cached_instances,
            instance_mode,
            python_version: python_version?,
            others: others.or_else(|| base.map(|base| base.others.clone())).unwrap_or_default(),
            execution_target: execution_target
                .or_else(|| base.map(|base| base.execution_target.clone()))
                .unwrap_or_default(),
        })
    }

    fn name(&mut self, given: Option<String>, base: Option<&RuntimeDefinition>) -> Option<Name> {
        let Some(text) = given else {
            if base.is_none() {
                self.fault("name", "is required");
            }
            return base.map(|base| base.name.clone());
        };
        Name::parse(&text).map_err(|reason| self.fault("name", reason.to_string())).ok()
    }

    fn text(&mut self, field: &str, given: Option<String>, most: usize) -> Option<String> {
        let text = given?;
        if text.chars().count() > most {
            self.fault(field, format!("must have at most {most} characters"));
        } else if text.contains('\0') {
            self.fault(field, "must not contain NUL characters");
        }
        Some(text)
    }

    fn number(&mut self, field: &str, given: Option<i64>, allowed: std::ops::RangeInclusive<i64>) -> Option<u32> {
        let number = given?;
        if !allowed.contains(&number) {
            self.fault(field, format!("must be {} to {}, not {number}", allowed.start(), allowed.end()));
        }
        u32::try_from(number).ok()
    }

    /// A bound that is named alone moves the unnamed one along where both were left to the defaults.
    fn cached_instances(&mut self, min: Option<u32>, max: Option<u32>, base: Option<&RuntimeDefinition>) -> (u32, u32) {
        let (old_min, old_max) = match base {
            Some(base) => (base.min_cached_instances, base.max_cached_instances),
            None => (0, DEFAULT_MAX_CACHED_INSTANCES.max(min.unwrap_or(0))),
        };
        let (min, max) = (min.unwrap_or(old_min), max.unwrap_or(old_max));
        if min > max {
            self.fault(
                "minCachedInstances",
                format!("must not exceed `maxCachedInstances`, but {min} is more than {max}"),
            );
        }
        (min, max)
    }

    fn instance_mode(&mut self, given: Option<&str>, base: Option<&RuntimeDefinition>) -> InstanceMode {
        let known = given.and_then(InstanceMode::from_name);
        if let (Some(name), None) = (given, known) {
            self.fault("instanceMode", format!("must be `forked` or `fresh`, not `{name}`"));
        }
        known.or(base.map(|base| base.instance_mode)).unwrap_or_default()
    }

    fn whitelist(&mut self, blocks: &[String]) -> Vec<IpNet> {
        if blocks.len() > MAX_BLOCKS {
            self.fault("whitelist", format!("must have at most {MAX_BLOCKS} blocks"));
            return Vec::new();
        }
        let mut parsed = Vec::with_capacity(blocks.len());
        for (index, block) in blocks.iter().enumerate().filter(|(_, block)| !block.trim().is_empty()) {
            match parse_block(block) {
                Ok(block) => parsed.push(block),
                Err(reason) => self.fault(format!("whitelist[{index}]"), reason),
            }
        }
        parsed
    }

    fn packages(&mut self, packages: Vec<PackageChange>) -> Vec<PackageSpec> {
        if packages.len() > MAX_PACKAGES {
            self.fault("packages", format!("must have at most {MAX_PACKAGES} packages"));
            return Vec::new();
        }
        let mut specs: Vec<PackageSpec> = Vec::with_capacity(packages.len());
        for (index, package) in packages.into_iter().enumerate() {
            let PackageChange { name, version, description } = package;
            let spec = PackageSpec { name: name.trim().to_owned(), version: version.trim().to_owned(), description };
            self.package(index, &spec, &specs);
            specs.push(spec);
        }
        specs
    }

    fn package(&mut self, index: usize, spec: &PackageSpec, earlier: &[PackageSpec]) {
        let at = |field: &str| format!("packages[{index}].{field}");
        if spec.name.chars().count() + spec.version.chars().count() > MAX_REQUIREMENT_CHARS {
            self.fault(
                at("name"),
                format!("must have at most {MAX_REQUIREMENT_CHARS} characters together with the version"),
            );
        } else if let Err((field, reason)) = spec.requirement() {
            self.fault(at(field), reason);
        } else if earlier.iter().any(|other| other.normalized_name() == spec.normalized_name()) {
            self.fault(at("name"), format!("`{}` is there twice", spec.name));
        }
        if spec.description.chars().count() > MAX_DESCRIPTION_CHARS {
            self.fault(at("description"), format!("must have at most {MAX_DESCRIPTION_CHARS} characters"));
        }
    }

    fn resource(&mut self, given: ResourceChange, base: Resource) -> Resource {
        let Capacity { cores, memory_mib, disk_mib } = self.around.capacity;
        let most = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let cpu = given.cpu.and_then(|text| self.cpu(&text, cores));
        let memory = self.number("resource.mem", given.memory_mib, MIN_MEMORY_MIB..=most(memory_mib));
        let disk = self.number("resource.disk", given.disk_mib, 1..=most(disk_mib));
        let processes = self.number("resource.procCount", given.processes, 1..=MAX_PROCESSES);
        Resource {
            cpu_millis: cpu.unwrap_or(base.cpu_millis),
            memory_mib: memory.map_or(base.memory_mib, u64::from),
            disk_mib: disk.map_or(base.disk_mib, u64::from),
            processes: processes.unwrap_or(base.processes),
        }
    }

    fn cpu(&mut self, text: &str, cores: u32) -> Option<u32> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let number: Option<f64> = text.parse().ok().filter(|_| plain);
        let millis = number
            .map(|number| (number * 1000.0).round())
            .filter(|millis| (1.0..=f64::from(cores) * 1000.0).contains(millis));
        if millis.is_none() {
            self.fault(
                "resource.cpu",
                format!("must be a decimal number of cores above 0 and at most {cores}, such as \"0.5\""),
            );
        }
        // The range check above leaves nothing that a cast could cut.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        millis.map(|millis| millis as u32)
    }

    fn python_version(&mut self, given: Option<String>, base: Option<&RuntimeDefinition>) -> Option<String> {
        let wanted = given.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let there = &self.around.interpreters;
        match (wanted, base) {
            // A version that was accepted before may have left the node since; only a change is checked.
            (Some(wanted), Some(base)) if wanted == base.python_version => Some(wanted),
            (Some(wanted), _) if there.iter().any(|version| version.satisfies(&wanted)) => Some(wanted),
            (Some(wanted), _) => {
                let list: Vec<_> = there.iter().map(ToString::to_string).collect();
                self.fault("runtimeVersion", format!("`{wanted}` is not available; available are {}", list.join(", ")));
                None
            }
            (None, Some(base)) => Some(base.python_version.clone()),
            (None, None) => {
                let newest = there.first().map(ToString::to_string);
                if newest.is_none() {
                    self.fault("runtimeVersion", "there is no Python interpreter on this node");
                }
                newest
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around() -> Surroundings {
        let interpreters = ["3.12.1", "3.11.7"].map(|text| text.parse().unwrap()).to_vec();
        Surroundings { interpreters, capacity: Capacity { cores: 2, memory_mib: 4096, disk_mib: 1024 } }
    }

    fn named(name: &str) -> RuntimeChange {
        RuntimeChange { name: Some(name.to_owned()), ..RuntimeChange::default() }
    }

    fn faults(change: RuntimeChange) -> Vec<String> {
        change.apply(None, &around()).unwrap_err().into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn a_name_is_enough_and_the_rest_has_finite_defaults() {
        let definition = named(" x ").apply(None, &around()).unwrap();
        assert_eq!((definition.name.as_str(), definition.python_version.as_str()), ("x", "3.12.1"));
        assert_eq!((definition.time_limit_seconds, definition.max_cached_instances), (600, 2));
        assert_eq!(definition.resource, Resource::default());
    }

    #[test]
    fn every_fault_is_named() {
        let package = |name: &str, version: &str| PackageChange {
            name: name.into(),
            version: version.into(),
            ..PackageChange::default()
        };
        let change = RuntimeChange {
            whitelist: Some(vec![String::new(), "10.0.0.1/8".into(), "x".into()]),
            packages: Some(vec![
                package("numpy", "1"),
                package("NumPy", ""),
                package("a b", ""),
                package("six", "latest"),
            ]),
            resource: Some(ResourceChange {
                cpu: Some("3".into()),
                memory_mib: Some(8),
                disk_mib: Some(0),
                processes: Some(0),
            }),
            time_limit_seconds: Some(0),
            min_cached_instances: Some(3),
            max_cached_instances: Some(2),
            instance_mode: Some("Fresh".into()),
            python_version: Some("3.13".into()),
            ..RuntimeChange::default()
        };
        let expected = [
            "name",
            "runtimeVersion",
            "minCachedInstances",
            "instanceMode",
            "execTimeout",
            "whitelist[1]",
            "whitelist[2]",
            "packages[1].name",
            "packages[2].name",
            "packages[3].version",
            "resource.cpu",
            "resource.mem",
            "resource.disk",
            "resource.procCount",
        ];
        assert_eq!(faults(change), expected);
    }

    #[test]
    fn what_a_change_does_not_name_stays() {
        let resource = Some(ResourceChange { memory_mib: Some(64), processes: Some(5), ..ResourceChange::default() });
        let base =
            RuntimeChange { description: Some("d".into()), resource, ..named("x") }.apply(None, &around()).unwrap();
        let only_memory = Some(ResourceChange { memory_mib: Some(128), ..ResourceChange::default() });
        let base = RuntimeDefinition { instance_mode: InstanceMode::Fresh, ..base };
        let changed = RuntimeChange { resource: only_memory, ..named("y") }.apply(Some(&base), &around()).unwrap();
        assert_eq!((changed.name.as_str(), changed.description.as_str()), ("y", "d"));
        assert_eq!((changed.resource.memory_mib, changed.resource.processes), (128, 5));
        assert_eq!(changed.instance_mode, InstanceMode::Fresh);
        let forked = RuntimeChange { instance_mode: Some("forked".into()), ..RuntimeChange::default() };
        assert_eq!(forked.apply(Some(&changed), &around()).unwrap().instance_mode, InstanceMode::Forked);
    }

    #[test]
    fn processor_shares_are_plain_decimal_numbers() {
        for (text, millis) in [("0.2", 200), ("2", 2000), (".5", 500), ("0.001", 1)] {
            let resource = Some(ResourceChange { cpu: Some(text.into()), ..ResourceChange::default() });
            let definition = RuntimeChange { resource, ..named("x") }.apply(None, &around()).unwrap();
            assert_eq!(definition.resource.cpu_millis, millis, "{text}");
        }
        for text in ["", "0", "-1", "1e3", "inf", "nan", "2.1", "1,5", ".", "0.0001"] {
            let resource = Some(ResourceChange { cpu: Some(text.into()), ..ResourceChange::default() });
            assert_eq!(faults(RuntimeChange { resource, ..named("x") }), ["resource.cpu"], "{text}");
        }
    }

    #[test]
    fn an_accepted_version_may_be_repeated_after_it_left_the_node() {
        let mut base = named("x").apply(None, &around()).unwrap();
        base.python_version = "3.9.1".to_owned();
        let same = RuntimeChange { python_version: Some("3.9.1".into()), ..named("x") };
        assert_eq!(same.apply(Some(&base), &around()).unwrap().python_version, "3.9.1");
    }
}
