//! What the machine has.

use std::fs;

use vivarium_domain::runtime::Capacity;

use crate::configuration::RuntimeDefaults;

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The most that a runtime may ask for: what is configured, else what there is.
pub(crate) fn capacity(limits: &RuntimeDefaults) -> Capacity {
    let memory_mib = or_all(limits.max_memory_mib, memory_mib());
    Capacity {
        cores: u32::try_from(or_all(u64::from(limits.max_cores), cores() as u64)).unwrap_or(u32::MAX),
        memory_mib,
        disk_mib: or_all(limits.max_disk_mib, memory_mib),
    }
}

fn or_all(limit: u64, all: u64) -> u64 {
    if limit == 0 { all } else { limit }
}

/// Memory of the machine in MiB, from `/proc/meminfo` (proc(5)); without that file nothing is known to be too much.
fn memory_mib() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.map_or(u64::MAX / (1 << 20), |kib| kib / 1024)
}

/// The host's name.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
