//! `/proc` of the new pid namespace, `proc(5)`.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen};

use super::{Tree, attach_at, place};
use crate::error::Fault;
use crate::launcher::rules::Right;
use crate::layer::Layer;

const TARGET: &str = "/proc";

/// Whether it is as demanded. When the layer is lowered, a plain /proc of the same namespace is
/// tried, and then the directory stays empty.
pub(super) fn mount(tree: &Tree, lowered: bool) -> Result<bool, Fault> {
    let point = place::directory(tree, Path::new(TARGET))?;
    let demanded = [("hidepid", "invisible"), ("subset", "pid")];
    match make(&demanded) {
        Ok(proc) => show(tree, &proc, &point).map(|()| true),
        Err(errno) if !lowered => Err(Fault::new(Layer::Proc, "mount /proc").errno(errno)),
        Err(_) => {
            if let Ok(proc) = make(&[]) {
                show(tree, &proc, &point)?;
            }
            Ok(false)
        }
    }
}

/// An instance of it that is nowhere in the tree and can be written to: id maps lie there.
pub(in crate::launcher) fn apart() -> Result<OwnedFd, Fault> {
    let fault = |errno| Fault::new(Layer::Proc, "make /proc").errno(errno);
    let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC).map_err(fault)?;
    fsconfig_set_string(&context, "subset", "pid").map_err(fault)?;
    fsconfig_create(&context).map_err(fault)?;
    let attributes =
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes).map_err(fault)
}

fn show(tree: &Tree, proc: &OwnedFd, point: &OwnedFd) -> Result<(), Fault> {
    attach_at(proc, point, Path::new(TARGET))?;
    tree.allow(proc, Right::Read)
}

/// Read-only: what can be written there changes how the kernel treats a process.
fn make(options: &[(&str, &str)]) -> rustix::io::Result<OwnedFd> {
    let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        fsconfig_set_string(&context, *key, *value)?;
    }
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC
        | MountAttrFlags::MOUNT_ATTR_RDONLY;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}
