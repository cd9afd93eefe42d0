//! Parse and reject the whole plan first, then act. Nothing here touches the system.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::{Limits, Mount, Plan};
use crate::seccomp::Theme;

/// How a plan contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Not absolute, or with `.`, `..`, a NUL, a doubled slash at its end, or not UTF-8.
    #[error("the {role} `{}` is no plain absolute path", path.display())]
    Path {
        /// Which path of the plan.
        role: &'static str,
        /// The offending value.
        path: PathBuf,
    },
    /// The root itself cannot be a target or a source.
    #[error("the {0} `/` cannot be mounted")]
    Root(&'static str),
    /// The kernel's own file systems are not for binding: they show the host.
    #[error("the source `{}` shows the host's kernel", .0.display())]
    KernelTree(PathBuf),
    /// Two mounts want the same place.
    #[error("two mounts share the target `{}`", .0.display())]
    DuplicateTarget(PathBuf),
    /// A value that `execve(2)` could not carry.
    #[error("the {0} holds a NUL byte")]
    Nul(&'static str),
    /// An environment variable without a name, or with `=` in it.
    #[error("`{0}` is no name of an environment variable")]
    EnvironmentName(String),
    /// Not 1 to 63 letters, digits and hyphens.
    #[error("`{0}` is no host name")]
    Hostname(String),
    /// Root inside is not on offer, and the highest id is reserved.
    #[error("the {role} {id} inside is not allowed")]
    Identity {
        /// `uid` or `gid`.
        role: &'static str,
        /// The offending value.
        id: u32,
    },
    /// More than permission bits, for example setuid.
    #[error("the mode {mode:o} of `{}` is more than permission bits", target.display())]
    Mode {
        /// The mount's target.
        target: PathBuf,
        /// The offending value.
        mode: u32,
    },
    /// All [`Mount::File`] contents together are too large.
    #[error("the files of the plan hold {0} bytes, more than 1 MiB")]
    FilesTooLarge(usize),
    /// No program could run.
    #[error("the system calls lack the theme `program`")]
    SystemCalls,
    /// What only a zygote has, and gets by itself.
    #[error("the system calls hold the theme `join`, which is not for plans")]
    Joining,
    /// A limit below what any program needs.
    #[error("the limit {name} is {value}, less than {least}")]
    Limit {
        /// The field of [`Limits`] or [`super::Scratch`].
        name: &'static str,
        /// The offending value.
        value: u64,
        /// The least that is accepted.
        least: u64,
    },
}

const FILES_MAXIMUM_BYTES: usize = 1 << 20;

pub(super) fn check(plan: &Plan) -> Result<(), PlanError> {
    plain("command", &plan.command)?;
    plain_or_root("working directory", &plan.working_directory)?;
    check_texts(plan)?;
    check_hostname(&plan.hostname)?;
    check_identity("uid", plan.identity.uid)?;
    check_identity("gid", plan.identity.gid)?;
    check_limits(&plan.limits)?;
    check_system_calls(plan)?;
    least("scratch.bytes", plan.scratch.bytes, 4096)?;
    least("scratch.inodes", plan.scratch.inodes, 8)?;
    check_mounts(&plan.mounts)
}

fn check_texts(plan: &Plan) -> Result<(), PlanError> {
    if plan.args.iter().any(|text| text.contains('\0')) {
        return Err(PlanError::Nul("argument"));
    }
    if plan.environment.values().any(|text| text.contains('\0')) {
        return Err(PlanError::Nul("environment"));
    }
    let bad = |name: &&String| name.is_empty() || name.contains(['=', '\0']);
    match plan.environment.keys().find(bad) {
        Some(name) => Err(PlanError::EnvironmentName(name.clone())),
        None => Ok(()),
    }
}

fn check_system_calls(plan: &Plan) -> Result<(), PlanError> {
    if plan.system_calls.contains(&Theme::Join) {
        return Err(PlanError::Joining);
    }
    if plan.system_calls.contains(&Theme::Program) { Ok(()) } else { Err(PlanError::SystemCalls) }
}

fn check_hostname(name: &str) -> Result<(), PlanError> {
    let fits = (1..=63).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits { Ok(()) } else { Err(PlanError::Hostname(name.to_owned())) }
}

fn check_identity(role: &'static str, id: u32) -> Result<(), PlanError> {
    if id == 0 || id == u32::MAX {
        return Err(PlanError::Identity { role, id });
    }
    Ok(())
}

fn check_limits(limits: &Limits) -> Result<(), PlanError> {
    least("memory_bytes", limits.memory_bytes, 1 << 20)?;
    least("cpu_millicores", limits.cpu_millicores.into(), 10)?;
    least("cpu_weight", limits.cpu_weight.into(), 1)?;
    least("processes", limits.processes.into(), 1)?;
    least("open_files", limits.open_files, 4)?;
    least("stack_bytes", limits.stack_bytes, 64 << 10)
}

fn least(name: &'static str, value: u64, least: u64) -> Result<(), PlanError> {
    if value < least {
        return Err(PlanError::Limit { name, value, least });
    }
    Ok(())
}

fn check_mounts(mounts: &[Mount]) -> Result<(), PlanError> {
    let mut taken = BTreeSet::new();
    let mut files_bytes = 0;
    for mount in mounts {
        check_mount(mount)?;
        if let Mount::File { contents, .. } = mount {
            files_bytes += contents.len();
        }
        if !taken.insert(mount.target()) {
            return Err(PlanError::DuplicateTarget(mount.target().to_owned()));
        }
    }
    if files_bytes > FILES_MAXIMUM_BYTES {
        return Err(PlanError::FilesTooLarge(files_bytes));
    }
    Ok(())
}

fn check_mount(mount: &Mount) -> Result<(), PlanError> {
    plain("target", mount.target())?;
    match mount {
        Mount::Bind { source, .. } => check_source(source),
        Mount::Scratch { target, mode, .. } => check_mode(target, *mode, 0o1777),
        Mount::File { target, mode, .. } => check_mode(target, *mode, 0o777),
        Mount::Symlink { points_to, .. } => check_link(points_to),
        Mount::Proc | Mount::Dev => Ok(()),
    }
}

fn check_source(source: &Path) -> Result<(), PlanError> {
    plain("source", source)?;
    let kernel = ["/proc", "/sys", "/dev"];
    if kernel.iter().any(|tree| source.starts_with(tree)) {
        return Err(PlanError::KernelTree(source.to_owned()));
    }
    Ok(())
}

fn check_mode(target: &Path, mode: u32, allowed: u32) -> Result<(), PlanError> {
    if mode & !allowed != 0 {
        let target = target.to_owned();
        return Err(PlanError::Mode { target, mode });
    }
    Ok(())
}

fn check_link(points_to: &Path) -> Result<(), PlanError> {
    match points_to.to_str() {
        Some(text) if !text.is_empty() && !text.contains('\0') => Ok(()),
        _ => Err(PlanError::Path { role: "link", path: points_to.to_owned() }),
    }
}

fn plain(role: &'static str, path: &Path) -> Result<(), PlanError> {
    plain_or_root(role, path)?;
    if path == Path::new("/") {
        return Err(PlanError::Root(role));
    }
    Ok(())
}

/// `Path::components` swallows `.`, so the text is looked at as well.
fn plain_or_root(role: &'static str, path: &Path) -> Result<(), PlanError> {
    let error = || PlanError::Path { role, path: path.to_owned() };
    let text = path.to_str().ok_or_else(error)?;
    let rebuilt: PathBuf = path.components().collect();
    let plain = path.is_absolute()
        && !text.contains('\0')
        && rebuilt.as_os_str() == path.as_os_str()
        && !path.components().any(|part| part == Component::ParentDir);
    if plain { Ok(()) } else { Err(error()) }
}

impl Mount {
    /// Where the mount appears inside.
    #[must_use]
    pub fn target(&self) -> &Path {
        match self {
            Self::Bind { target, .. }
            | Self::Scratch { target, .. }
            | Self::File { target, .. }
            | Self::Symlink { target, .. } => target,
            Self::Proc => Path::new("/proc"),
            Self::Dev => Path::new("/dev"),
        }
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
