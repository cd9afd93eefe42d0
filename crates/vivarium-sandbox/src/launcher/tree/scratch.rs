//! All writable space: one tmpfs, shown in parts, so that one limit holds for the sum.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, chmodat, mkdirat, unlinkat};
use rustix::mount::{OpenTreeFlags, UnmountFlags, open_tree, unmount};
use rustix::process::{chdir, fchdir};

use super::dev::SHARED_MEMORY;
use super::{Tree, attach_at, make_tmpfs, place};
use crate::error::Fault;
use crate::launcher::rules::Right;
use crate::layer::Layer;
use crate::plan::{Mount, Plan};
use crate::sys::{MountFlags, set_mount_flags};

/// Where the whole is attached while its parts are made, if the tree is being built: it is removed again.
const BUILDING_SITE: &str = "/.scratch";

/// The parts, in the order in which the plan shows them.
pub(super) struct Scratch {
    parts: RefCell<VecDeque<OwnedFd>>,
}

fn fault(step: &str, errno: rustix::io::Errno) -> Fault {
    Fault::new(Layer::Disk, step).errno(errno)
}

impl Scratch {
    /// For a tree that is being built.
    pub(super) fn make(tree: &Tree, plan: &Plan) -> Result<Self, Fault> {
        let (scratch, whole) = Self::make_at(tree, plan, Path::new(BUILDING_SITE))?;
        whole.as_ref().map_or(Ok(()), detach)?;
        match unlinkat(&tree.root, BUILDING_SITE.trim_start_matches('/'), AtFlags::REMOVEDIR) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(scratch),
            Err(errno) => Err(fault("remove the building site of the scratch space", errno)),
        }
    }

    /// For a tree that is there already and cannot be changed: the place of the first part will do. That part covers the
    /// whole, for good; to detach it would wait for all processors, for each instance anew.
    pub(super) fn renew(tree: &Tree, plan: &Plan) -> Result<Self, Fault> {
        let first = wanted(plan).next().map_or(Path::new("/"), |part| part.target);
        Self::make_at(tree, plan, first).map(|(scratch, _)| scratch)
    }

    /// The whole is attached while the parts are made, because kernels before 6.15 clone no detached mounts. A plan
    /// without writable space makes nothing.
    fn make_at(tree: &Tree, plan: &Plan, site: &Path) -> Result<(Self, Option<OwnedFd>), Fault> {
        let count = wanted(plan).count() as u64;
        if count == 0 {
            return Ok((Self { parts: RefCell::default() }, None));
        }
        let options = [
            ("size", plan.scratch.bytes.to_string()),
            // The directories that are made here are not the instance's.
            ("nr_inodes", (plan.scratch.inodes + count + 1).to_string()),
            ("mode", "0700".to_owned()),
        ];
        let whole = make_tmpfs(&options).map_err(|errno| fault("make the scratch space", errno))?;
        attach_at(&whole, &place::directory(tree, site)?, site)?;
        let made = (0..).zip(wanted(plan)).map(|(number, part)| {
            make_part(&whole, number, &part)
                .map_err(|errno| fault("make the scratch directory", errno).about(part.target.display()))
        });
        let parts = made.collect::<Result<_, _>>()?;
        Ok((Self { parts: RefCell::new(parts) }, Some(whole)))
    }

    /// Shows the next part at `target`.
    pub(super) fn show(&self, tree: &Tree, target: &Path, exec: bool) -> Result<(), Fault> {
        let missing = || Fault::new(Layer::Disk, "find the scratch directory").about(target.display());
        let part = self.parts.borrow_mut().pop_front().ok_or_else(missing)?;
        attach_at(&part, &place::directory(tree, target)?, target)?;
        tree.allow(&part, Right::Change { execute: exec })
    }
}

fn make_part(whole: &OwnedFd, number: u32, part: &Part<'_>) -> rustix::io::Result<OwnedFd> {
    let name = number.to_string();
    mkdirat(whole, &name, Mode::RWXU)?;
    chmodat(whole, &name, Mode::from_raw_mode(part.mode), AtFlags::empty())?;
    let how = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let made = open_tree(whole, &name, how)?;
    let flags = MountFlags { no_devices: true, no_exec: !part.exec, ..MountFlags::default() };
    set_mount_flags(&made, flags)?;
    Ok(made)
}

/// Only the parts stay.
fn detach(whole: &OwnedFd) -> Result<(), Fault> {
    fchdir(whole)
        .and_then(|()| unmount(".", UnmountFlags::DETACH))
        .and_then(|()| chdir("/"))
        .map_err(|errno| fault("hide the scratch space", errno))
}

/// A writable directory of a plan.
struct Part<'plan> {
    target: &'plan Path,
    mode: u32,
    exec: bool,
}

/// `/dev` has `/dev/shm`.
fn wanted(plan: &Plan) -> impl Iterator<Item = Part<'_>> {
    plan.mounts.iter().filter_map(|mount| match mount {
        Mount::Scratch { target, mode, exec } => Some(Part { target, mode: *mode, exec: *exec }),
        Mount::Dev => Some(Part { target: Path::new(SHARED_MEMORY), mode: 0o1777, exec: false }),
        _ => None,
    })
}
