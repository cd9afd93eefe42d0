//! What can go wrong, in the kernel's words: layer, step, reason, remedy.

use std::fmt;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::layer::Layer;
use crate::plan::PlanError;

/// Why there is no instance.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The plan contradicts itself; nothing was done.
    #[error("invalid plan: {0}")]
    Plan(#[from] PlanError),
    /// A wall could not be raised; whatever was begun is gone again.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The launcher could not be executed.
    #[error("cannot start the launcher `{}`: {source}", program.display())]
    Launcher {
        /// The program of [`crate::LauncherCommand`].
        program: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The launcher ended or fell silent before the program ran, for example because the host is
    /// out of memory or [`crate::Settings::start_timeout`] passed.
    #[error("the launcher gave up before the program ran: {0}")]
    Silent(String),
    /// Every id of [`crate::IdRange`] belongs to a live instance.
    #[error("all {0} user ids of the range are in use")]
    IdsExhausted(u32),
    /// [`crate::Settings`] hold a value that cannot work.
    #[error("invalid sandbox settings: {0}")]
    Settings(String),
}

impl SandboxError {
    /// Advice for the operator, apart from the fault.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Fault(fault) => fault.remedy(),
            Self::IdsExhausted(_) => Some("widen the range of user ids in the configuration"),
            _ => None,
        }
    }
}

/// One failed step of one layer. Travels from the launcher to the server as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The wall that could not be raised.
    pub layer: Layer,
    /// The step, as a verb phrase that completes "cannot ...".
    pub step: String,
    /// What it was about, mostly a path.
    pub subject: Option<String>,
    /// `errno(3)`, when the kernel refused.
    pub errno: Option<i32>,
    /// The reason in words when it is not (only) an errno.
    pub reason: Option<String>,
}

impl Fault {
    pub(crate) fn new(layer: Layer, step: &str) -> Self {
        Self { layer, step: step.to_owned(), subject: None, errno: None, reason: None }
    }

    pub(crate) fn about(mut self, subject: impl fmt::Display) -> Self {
        self.subject = Some(subject.to_string());
        self
    }

    pub(crate) fn errno(mut self, errno: rustix::io::Errno) -> Self {
        self.errno = Some(errno.raw_os_error());
        self
    }

    pub(crate) fn io(mut self, error: &io::Error) -> Self {
        self.errno = error.raw_os_error();
        if self.errno.is_none() {
            self.reason = Some(error.to_string());
        }
        self
    }

    pub(crate) fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Advice for the operator, where there is any.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        remedy(self.layer, self.errno.map(rustix::io::Errno::from_raw_os_error))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot {}", self.step)?;
        if let Some(subject) = &self.subject {
            write!(formatter, " `{subject}`")?;
        }
        write!(formatter, " (layer `{}`)", self.layer)?;
        if let Some(errno) = self.errno {
            write!(formatter, ": {}", io::Error::from_raw_os_error(errno))?;
        }
        if let Some(reason) = &self.reason {
            write!(formatter, ": {reason}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

/// Advice is about the host, so the layer decides; the errno only tells a missing file apart.
pub(crate) fn remedy(layer: Layer, errno: Option<rustix::io::Errno>) -> Option<&'static str> {
    use rustix::io::Errno;
    match (layer, errno) {
        (Layer::MountNamespace, Some(Errno::NOENT)) => {
            Some("check that the path exists on the host, or take it out of the plan")
        }
        (Layer::UserNamespace | Layer::PidNamespace, Some(Errno::NOSPC | Errno::USERS)) => {
            Some("raise `user.max_user_namespaces` and its siblings with sysctl, or nest less deeply")
        }
        (Layer::UserNamespace, _) => Some(
            "allow user namespaces: sysctl `user.max_user_namespaces` above 0, \
             `kernel.unprivileged_userns_clone=1` or \
             `kernel.apparmor_restrict_unprivileged_userns=0` where they exist; \
             in a container, allow `clone` and `unshare` in its seccomp profile",
        ),
        (Layer::OwnUid | Layer::Groups, _) => Some(
            "run the server as root so that each instance gets a user id of its own, \
             or lower the layers `own-uid` and `groups` in the configuration",
        ),
        (Layer::CgroupMemory | Layer::CgroupCpu | Layer::CgroupPids, _) => Some(
            "mount the cgroup controllers memory, cpu and pids writable and run as root, \
             or as a systemd service with `Delegate=yes`, \
             or lower the layer in the configuration",
        ),
        (Layer::Seccomp, _) => Some(
            "Linux with CONFIG_SECCOMP_FILTER on x86_64 or aarch64 is needed, \
             or lower the layer `seccomp` in the configuration",
        ),
        (Layer::Landlock, _) => Some(
            "Linux 5.13 or later with `landlock` in its list of security modules is needed \
             (boot parameter `lsm=landlock,...`; in a container, its seccomp profile must allow `landlock_*`), \
             or lower the layer `landlock` in the configuration",
        ),
        (Layer::Proc, _) => Some(
            "the host's own /proc must be fully visible (containers mask it: \
             `--security-opt systempaths=unconfined`) and Linux 5.8 or later, \
             or lower the layer `proc` in the configuration",
        ),
        (Layer::MountNamespace | Layer::Disk, Some(Errno::NOSYS)) => {
            Some("Linux 5.12 or later is needed for `mount_setattr`")
        }
        _ => None,
    }
}
