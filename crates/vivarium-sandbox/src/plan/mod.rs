//! The plan: everything about one instance, as plain data.

mod check;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::seccomp::Theme;

pub use check::PlanError;

/// Everything about one instance. All paths but [`Mount::Bind::source`] are paths inside.
///
/// There is no default tree: what is not mounted does not exist inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The program that becomes pid 1, an absolute path inside. `execve(2)`, no search path.
    pub command: PathBuf,
    /// Its arguments, without the program's name.
    pub args: Vec<String>,
    /// The whole environment; nothing is inherited.
    pub environment: BTreeMap<String, String>,
    /// An absolute path inside that the mounts make.
    pub working_directory: PathBuf,
    /// The host name inside, 1 to 63 letters, digits and hyphens.
    pub hostname: String,
    /// The ids inside.
    pub identity: Identity,
    /// The only writable space, shared by all [`Mount::Scratch`] and `/dev/shm`.
    pub scratch: Scratch,
    /// What the tree holds; applied in order, later ones may lie within earlier ones.
    pub mounts: Vec<Mount>,
    /// What the instance may use up.
    pub limits: Limits,
    /// The system calls that the instance may make, by theme; [`Theme::Program`] must be among them.
    /// The default is [`Theme::all`].
    #[serde(default = "Theme::all")]
    pub system_calls: BTreeSet<Theme>,
}

impl Plan {
    /// A plan with an empty tree, an empty environment and modest limits.
    #[must_use]
    pub fn new(command: impl Into<PathBuf>) -> Self {
        Self {
            command: command.into(),
            args: Vec::new(),
            environment: BTreeMap::new(),
            working_directory: PathBuf::from("/"),
            hostname: "sandbox".to_owned(),
            identity: Identity::default(),
            scratch: Scratch::default(),
            mounts: Vec::new(),
            limits: Limits::default(),
            system_calls: Theme::all(),
        }
    }

    /// Checks the plan whole. Touches nothing.
    ///
    /// # Errors
    /// The first contradiction found.
    pub fn check(&self) -> Result<(), PlanError> {
        check::check(self)
    }
}

/// Who the program is inside. Neither id may be 0: a root of any kind is not on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// User id inside.
    pub uid: u32,
    /// Group id inside.
    pub gid: u32,
}

impl Default for Identity {
    fn default() -> Self {
        Self { uid: 1000, gid: 1000 }
    }
}

/// One `tmpfs(5)` for all writable space; its pages count against [`Limits::memory_bytes`] too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scratch {
    /// Limit in bytes over all scratch directories in sum; rounded up to whole pages.
    pub bytes: u64,
    /// Limit of files, directories and links in sum.
    pub inodes: u64,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { bytes: 64 << 20, inodes: 16_384 }
    }
}

/// One thing in the tree. Directories that lead to a target are made where they are missing, but
/// never inside a bind mount, which is read-only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Mount {
    /// A file or directory of the host, read-only with everything mounted below it, nosuid, nodev.
    Bind {
        /// Absolute path on the host; a link at its end is followed.
        source: PathBuf,
        /// Where it appears.
        target: PathBuf,
        /// Whether programs and libraries in it may be executed or mapped; else noexec.
        exec: bool,
    },
    /// A writable directory out of [`Plan::scratch`], owned by the identity, nosuid, nodev.
    Scratch {
        /// Where it appears.
        target: PathBuf,
        /// Permission bits, for example `0o700`.
        mode: u32,
        /// Whether programs and libraries in it may be executed or mapped; else noexec.
        exec: bool,
    },
    /// A small read-only file.
    File {
        /// Where it appears.
        target: PathBuf,
        /// All of it; at most 1 MiB for all files of a plan in sum.
        contents: String,
        /// Permission bits, for example `0o444`.
        mode: u32,
    },
    /// A symbolic link.
    Symlink {
        /// Where the link appears.
        target: PathBuf,
        /// What it holds, not checked: it is resolved inside.
        points_to: PathBuf,
    },
    /// `/proc` of the instance's own pid namespace, `hidepid=invisible,subset=pid`.
    Proc,
    /// `/dev` with null, zero, full, random, urandom, fd, stdin, stdout, stderr, and `/dev/shm` out
    /// of [`Plan::scratch`]. There is no terminal and no pts.
    Dev,
}

/// The weight that every cgroup has from the start, `cpu.weight` of cgroup v2.
pub const USUAL_CPU_WEIGHT: u32 = 100;

/// What an instance may use up. Core files are always off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Memory in bytes, swap and scratch space included; at least 1 MiB.
    pub memory_bytes: u64,
    /// Processor time as a quota in thousandths of one core; at least 10.
    pub cpu_millicores: u32,
    /// Share of the processors where instances compete for them; at least 1, and the kernel takes up to 10,000. The
    /// usual one is [`USUAL_CPU_WEIGHT`].
    pub cpu_weight: u32,
    /// Processes and threads at once; at least 1.
    pub processes: u32,
    /// Descriptors for each process; at least 4.
    pub open_files: u64,
    /// Largest single file in bytes; `None` leaves it to the scratch limit.
    pub file_size_bytes: Option<u64>,
    /// Stack of a main thread in bytes; at least 64 KiB.
    pub stack_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            cpu_millicores: 1000,
            cpu_weight: USUAL_CPU_WEIGHT,
            processes: 64,
            open_files: 256,
            file_size_bytes: None,
            stack_bytes: 8 << 20,
        }
    }
}
