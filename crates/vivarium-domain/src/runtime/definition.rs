//! The definition of a runtime: what an administrator decides.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::package::PackageSpec;
use crate::name::Name;

/// What one evaluation may use of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Thousandths of a processor core.
    pub cpu_millis: u32,
    /// Memory in MiB, swap included.
    pub memory_mib: u64,
    /// Writable space in MiB.
    pub disk_mib: u64,
    /// Processes and threads.
    pub processes: u32,
}

impl Default for Resource {
    fn default() -> Self {
        Self { cpu_millis: 1000, memory_mib: 512, disk_mib: 256, processes: 64 }
    }
}

/// Where the instances of a runtime come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceMode {
    /// Forked from a zygote of the runtime's revision, which has loaded its modules already. All instances of one
    /// zygote share its hash seed and the layout of its addresses.
    #[default]
    Forked,
    /// An interpreter of its own, started for each instance.
    Fresh,
}

impl InstanceMode {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Forked, Self::Fresh];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forked => "forked",
            Self::Fresh => "fresh",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

/// The definition of a runtime. Complete: what a request left out has its default here.
#[derive(Debug, Clone, PartialEq)]
pub struct RuntimeDefinition {
    /// Name, unique on the server without regard to case.
    pub name: Name,
    /// What it is for.
    pub description: String,
    /// Networks that its instances may reach; empty means none.
    pub whitelist: Vec<IpNet>,
    /// Packages to install.
    pub packages: Vec<PackageSpec>,
    /// Limits of one evaluation.
    pub resource: Resource,
    /// Wall clock limit of one evaluation in seconds.
    pub time_limit_seconds: u32,
    /// Parked instances to keep at least.
    pub min_cached_instances: u32,
    /// Parked instances to keep at most.
    pub max_cached_instances: u32,
    /// Where its instances come from.
    pub instance_mode: InstanceMode,
    /// Python version as `X.Y` or `X.Y.Z`.
    pub python_version: String,
    /// Reserved by the Strategy dialect; kept as given.
    pub others: String,
    /// Meaning unknown to the Strategy contract; kept as given.
    pub execution_target: String,
}
