//! What a server decides once about all its instances.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::SandboxError;
use crate::layer::Demands;

/// How to execute the launcher: `program args...` must reach [`crate::launcher::main`] before any
/// thread is started. A server mostly names its own binary with one word as a verb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LauncherCommand {
    /// Absolute path.
    pub program: PathBuf,
    /// Arguments before those that the sandbox adds.
    pub args: Vec<String>,
}

/// Host user ids that belong to the sandbox alone: not in `/etc/passwd`, not in `/etc/subuid`, not
/// shared with another server on the same host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdRange {
    /// The lowest id; above 65,535 so that no ordinary account is hit.
    pub first: u32,
    /// How many ids, and so the most instances that can live at once.
    pub count: u32,
}

impl Default for IdRange {
    fn default() -> Self {
        Self { first: 1_900_000_000, count: 65_536 }
    }
}

/// What [`crate::Sandbox::new`] needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How to execute the launcher.
    pub launcher: LauncherCommand,
    /// Unique for each data directory; 1 to 64 of `a-z A-Z 0-9 - _`. The cgroups of all instances
    /// lie below a cgroup of this name, by which a later server finds what this one left.
    pub name: String,
    /// Host ids for instances; used only when the server is privileged.
    pub ids: IdRange,
    /// What must not be missing.
    pub demands: Demands,
    /// How long an instance may take to come up before it is given up.
    pub start_timeout: Duration,
}

impl Settings {
    /// Settings with every layer demanded.
    #[must_use]
    pub fn new(launcher: LauncherCommand, name: impl Into<String>) -> Self {
        Self {
            launcher,
            name: name.into(),
            ids: IdRange::default(),
            demands: Demands::default(),
            start_timeout: Duration::from_secs(10),
        }
    }

    pub(crate) fn check(&self) -> Result<(), SandboxError> {
        check_name(&self.name)?;
        check_program(&self.launcher.program)?;
        check_ids(self.ids)
    }
}

fn check_name(name: &str) -> Result<(), SandboxError> {
    let fits = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if fits {
        return Ok(());
    }
    let words = "the name must be 1 to 64 letters, digits, `-` or `_`";
    Err(SandboxError::Settings(words.to_owned()))
}

fn check_program(program: &Path) -> Result<(), SandboxError> {
    if program.is_absolute() {
        return Ok(());
    }
    let words = format!("the launcher `{}` is no absolute path", program.display());
    Err(SandboxError::Settings(words))
}

/// The highest id is the kernel's "nobody mapped", `user_namespaces(7)`.
fn check_ids(ids: IdRange) -> Result<(), SandboxError> {
    let end = u64::from(ids.first) + u64::from(ids.count);
    if ids.first > 65_535 && ids.count > 0 && end < u64::from(u32::MAX) {
        return Ok(());
    }
    let words = "the range of user ids must lie between 65,536 and 4,294,967,294";
    Err(SandboxError::Settings(words.to_owned()))
}
