//! Opens what the instance may see of the host, as detached read-only copies of mounts.
//!
//! Done while still privileged, so that a directory below a closed one (0700 parents) can be shown;
//! the parents stay closed.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{OpenTreeFlags, open_tree};

use crate::error::Fault;
use crate::layer::Layer;
use crate::plan::{Mount, Plan};
use crate::sys::{MountFlags, set_mount_flags};

/// Without terminals: nothing here can be written to with any effect.
pub(super) const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// One tree for each bind mount of the plan, in its order, and one for each of [`DEVICES`] when the
/// plan wants them.
pub(super) struct Sources {
    pub(super) binds: Vec<OwnedFd>,
    pub(super) devices: Vec<OwnedFd>,
}

pub(super) fn open(plan: &Plan) -> Result<Sources, Fault> {
    let mut sources = Sources { binds: Vec::new(), devices: Vec::new() };
    for mount in &plan.mounts {
        match mount {
            Mount::Bind { source, exec, .. } => sources.binds.push(open_bind(source, *exec)?),
            Mount::Dev => sources.devices = open_devices()?,
            _ => {}
        }
    }
    Ok(sources)
}

fn open_bind(source: &Path, exec: bool) -> Result<OwnedFd, Fault> {
    let flags = MountFlags { read_only: true, no_devices: true, no_exec: !exec, recursive: true };
    copy(source, flags)
}

fn open_devices() -> Result<Vec<OwnedFd>, Fault> {
    let flags = MountFlags { read_only: true, no_exec: true, ..MountFlags::default() };
    DEVICES.iter().map(|name| copy(&Path::new("/dev").join(name), flags)).collect()
}

fn copy(source: &Path, flags: MountFlags) -> Result<OwnedFd, Fault> {
    let mut how = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    how.set(OpenTreeFlags::AT_RECURSIVE, flags.recursive);
    let fault = |step: &str, errno| Fault::new(Layer::MountNamespace, step).about(source.display()).errno(errno);
    let tree = open_tree(CWD, source, how).map_err(|errno| fault("open the bind source", errno))?;
    set_mount_flags(&tree, flags).map_err(|errno| fault("make the bind source read-only", errno))?;
    Ok(tree)
}

/// Descriptor 0 of the instance. The host's own, because the tree may have no /dev.
pub(super) fn open_null() -> Result<OwnedFd, Fault> {
    rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| Fault::new(Layer::Descriptors, "open").about("/dev/null").errno(errno))
}
