//! What server and launcher say to each other. Both are the same build, so there is no version.
//!
//! Over the launcher's descriptor 0, a `SOCK_SEQPACKET` socket:
//! 1. server to launcher: one byte with the descriptors [plan memfd, stdout, stderr, control, report];
//! 2. launcher to server: one byte with the pidfd of pid 1;
//! 3. launcher to server: [`Ended`] as JSON; then the launcher leaves.
//!
//! Where the plan's command is a zygote, control is a `SOCK_SEQPACKET` socket to its keeper and carries a [`ForkOrder`]
//! for each instance. The channel that comes with the order then carries a [`Report`], with the pidfd of the
//! instance's pid 1 if it is good, and in the end [`Ended`].
//!
//! Over the report pipe, JSON lines of [`Report`]; its end without a fault means that `execve`
//! worked, because the last writing end closes by it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Fault;
use crate::layer::Layer;
use crate::plan::{Plan, Scratch};
use crate::seccomp::Program;
use crate::settings::IdRange;

/// How many descriptors come with the first message.
pub(crate) const BORROWED_DESCRIPTORS: usize = 5;

/// The content of the sealed plan memfd.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) plan: Plan,
    /// The id of this instance on the host; `None` maps the launcher's own.
    pub(crate) host_id: Option<u32>,
    /// The `cgroup.procs` files to enter, made and limited by the server.
    pub(crate) cgroup_entries: Vec<CgroupEntry>,
    /// The v1 memory cgroup whose out-of-memory event ends the whole instance.
    pub(crate) oom_event_of: Option<PathBuf>,
    /// The filter of system calls; `None` only where the layer is lowered and the kernel lacks it.
    pub(crate) filter: Option<Program>,
    /// The same for landlock.
    pub(crate) landlock: bool,
    /// Layers whose absence is accepted.
    pub(crate) lowered: Vec<Layer>,
    /// Whether the plan's command is a zygote. Then a keeper is pid 1, and the filter above is what instances install
    /// beside the one that they inherit of the zygote.
    pub(crate) zygote: Option<ZygoteOrder>,
}

/// What a keeper needs to know in addition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ZygoteOrder {
    /// The filter of the zygote itself.
    pub(crate) filter: Option<Program>,
    /// The filter of the first processes of instances.
    pub(crate) init_filter: Option<Program>,
    /// Host ids that instances may get; `None` where all have the server's own.
    pub(crate) ids: Option<IdRange>,
}

/// One instance to fork. With it come the descriptors channel, stdout, stderr, control, one for each of `entries`, and
/// the out-of-memory event if there is one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ForkOrder {
    /// Its id on the host.
    pub(crate) host_id: Option<u32>,
    pub(crate) scratch: Scratch,
    /// The layers that its cgroups stand for.
    pub(crate) entries: Vec<Layer>,
    pub(crate) oom_event: bool,
}

/// How many descriptors come with every [`ForkOrder`] at least.
pub(crate) const FORK_DESCRIPTORS: usize = 4;
/// The most that come in sum: there are three controllers, and one hierarchy may be there for accounting only.
pub(crate) const MOST_FORK_DESCRIPTORS: usize = FORK_DESCRIPTORS + 5;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CgroupEntry {
    pub(crate) layer: Layer,
    pub(crate) procs: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// Every step was taken and proven; only `execve` is left.
    Verified {
        /// Lowered layers that turned out to be absent.
        missing: Vec<Layer>,
    },
    /// A step failed; nothing more follows.
    Failed(Fault),
}

/// The launcher's last words.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// As of `wait(2)`.
    pub(crate) raw_status: i32,
    /// User and system time of pid 1 and of all that it or the kernel reaped for it.
    pub(crate) cpu_micros: u64,
    /// The memory cgroup ran out (v1 only; v2 has a counter that cannot be missed).
    pub(crate) out_of_memory: bool,
}
