//! What the probe saw from within, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The disk limit that the probe tries out.
pub(super) const DISK_BYTES: u64 = 1 << 20;

/// The names under /proc/self/ns that must differ from the host's.
pub(super) const NAMESPACES: [&str; 7] = ["user", "mnt", "pid", "ipc", "uts", "cgroup", "net"];

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Findings {
    /// Namespace name to its identity.
    pub(super) namespaces: BTreeMap<String, String>,
    /// The lines of /proc/self/status.
    pub(super) status: BTreeMap<String, String>,
    /// The host id in /proc/self/uid_map, as the kernel shows it inside.
    pub(super) uid_map: String,
    pub(super) processes: Vec<String>,
    /// Everything in /proc that is no process.
    pub(super) proc_rest: Vec<String>,
    pub(super) interfaces: Vec<String>,
    pub(super) loopback_works: bool,
    pub(super) descriptors: Vec<String>,
    pub(super) root: Vec<String>,
    /// errno of making a file in the root.
    pub(super) root_write: Option<i32>,
    /// Bytes that could be written to two scratch directories together.
    pub(super) disk_bytes: u64,
    pub(super) hostname: String,
    /// The line of /proc/self/limits.
    pub(super) core_limit: String,
    pub(super) session: i32,
    /// How many harmless but refused system calls were tried.
    pub(super) calls_tried: usize,
    /// Those that got another answer than the filter's.
    pub(super) calls_wrong: Vec<String>,
    /// errno of asking a freshly opened device whether it is a terminal.
    pub(super) device_request: i32,
}
