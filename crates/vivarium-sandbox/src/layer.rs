//! The names of the walls, and which of them an operator may do without.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One wall of the sandbox. The text form is stable: configuration and reports use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The process that builds the instance: own session, single thread, tied to the server's life.
    Launcher,
    /// `user_namespaces(7)`: ids and capabilities inside mean nothing outside.
    UserNamespace,
    /// A host uid and gid that no other live instance has. Needs a privileged server.
    OwnUid,
    /// No supplementary group of the server is kept. Needs a privileged server.
    Groups,
    /// `mount_namespaces(7)`, `pivot_root(2)` into a read-only tree.
    MountNamespace,
    /// One size limit over all writable space of the instance, `tmpfs(5)`.
    Disk,
    /// `pid_namespaces(7)`.
    PidNamespace,
    /// /proc with `hidepid=invisible` and `subset=pid`, `proc(5)`.
    Proc,
    /// `ipc_namespaces(7)`.
    IpcNamespace,
    /// `uts_namespaces(7)`.
    UtsNamespace,
    /// `cgroup_namespaces(7)`.
    CgroupNamespace,
    /// `network_namespaces(7)` with a loopback interface of its own and no other.
    NetNamespace,
    /// Memory limit, swap included, and an out-of-memory kill that stays inside.
    CgroupMemory,
    /// Processor quota.
    CgroupCpu,
    /// Limit of processes and threads.
    CgroupPids,
    /// `setrlimit(2)`.
    ResourceLimits,
    /// Every set of `capabilities(7)` empty, secure bits locked.
    Capabilities,
    /// `PR_SET_NO_NEW_PRIVS`, `prctl(2)`.
    NoNewPrivileges,
    /// `seccomp(2)`: a filter of system calls, deny by default.
    Seccomp,
    /// `landlock(7)`: files, abstract sockets and signals, as far as the kernel has it.
    Landlock,
    /// Exactly the descriptors 0, 1, 2 and 3.
    Descriptors,
}

impl Layer {
    /// Every layer, in the order of the report of `probe`.
    pub const ALL: [Self; 21] = [
        Self::Launcher,
        Self::UserNamespace,
        Self::OwnUid,
        Self::Groups,
        Self::MountNamespace,
        Self::Disk,
        Self::PidNamespace,
        Self::Proc,
        Self::IpcNamespace,
        Self::UtsNamespace,
        Self::CgroupNamespace,
        Self::NetNamespace,
        Self::CgroupMemory,
        Self::CgroupCpu,
        Self::CgroupPids,
        Self::ResourceLimits,
        Self::Capabilities,
        Self::NoNewPrivileges,
        Self::Seccomp,
        Self::Landlock,
        Self::Descriptors,
    ];

    /// The stable name, for example `net-namespace`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Launcher => "launcher",
            Self::UserNamespace => "user-namespace",
            Self::OwnUid => "own-uid",
            Self::Groups => "groups",
            Self::MountNamespace => "mount-namespace",
            Self::Disk => "disk",
            Self::PidNamespace => "pid-namespace",
            Self::Proc => "proc",
            Self::IpcNamespace => "ipc-namespace",
            Self::UtsNamespace => "uts-namespace",
            Self::CgroupNamespace => "cgroup-namespace",
            Self::NetNamespace => "net-namespace",
            Self::CgroupMemory => "cgroup-memory",
            Self::CgroupCpu => "cgroup-cpu",
            Self::CgroupPids => "cgroup-pids",
            Self::ResourceLimits => "resource-limits",
            Self::Capabilities => "capabilities",
            Self::NoNewPrivileges => "no-new-privileges",
            Self::Seccomp => "seccomp",
            Self::Landlock => "landlock",
            Self::Descriptors => "descriptors",
        }
    }

    /// Whether an operator may do without this layer. The others every supported kernel gives to
    /// every user, so there is no reason to ever run without them.
    #[must_use]
    pub fn lowerable(self) -> bool {
        matches!(
            self,
            Self::OwnUid
                | Self::Groups
                | Self::Proc
                | Self::CgroupMemory
                | Self::CgroupCpu
                | Self::CgroupPids
                | Self::Seccomp
                | Self::Landlock
        )
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A layer that cannot be lowered was asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the layer `{0}` cannot be lowered")]
pub struct NotLowerable(pub Layer);

/// What the operator insists on. By default everything: an instance whose layer cannot be had is
/// not started.
///
/// Lowering a layer means that its absence is no error; where the host can give it, it is on
/// nevertheless. [`crate::Sandbox::missing`] tells which layers are really absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    lowered: BTreeSet<Layer>,
}

impl Demands {
    /// Stops insisting on one layer.
    ///
    /// # Errors
    /// [`NotLowerable`] for layers that every Linux host gives to every user.
    pub fn lower(&mut self, layer: Layer) -> Result<(), NotLowerable> {
        if !layer.lowerable() {
            return Err(NotLowerable(layer));
        }
        self.lowered.insert(layer);
        Ok(())
    }

    /// Whether the absence of `layer` is an error.
    #[must_use]
    pub fn requires(&self, layer: Layer) -> bool {
        !self.lowered.contains(&layer)
    }
}
