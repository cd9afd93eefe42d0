//! All writable space: one tmpfs, shown in parts, so that one limit holds for the sum.

use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, chmodat, mkdirat, unlinkat};
use rustix::mount::{OpenTreeFlags, UnmountFlags, open_tree, unmount};
use rustix::process::fchdir;

use super::{Tree, attach_at, make_tmpfs, place};
use crate::error::Fault;
use crate::launcher::rules::Right;
use crate::layer::Layer;
use crate::plan::{Mount, Plan};
use crate::sys::{MountFlags, set_mount_flags};

/// The hidden place of the whole while its parts are shown.
const HIDDEN: &str = "/.scratch";

pub(super) struct Scratch {
    whole: Option<OwnedFd>,
    parts: Cell<u32>,
}

fn fault(step: &str, errno: rustix::io::Errno) -> Fault {
    Fault::new(Layer::Disk, step).errno(errno)
}

impl Scratch {
    /// Attached at a hidden place, because kernels before 6.15 clone no detached mounts. A plan
    /// without writable space makes nothing.
    pub(super) fn make(tree: &Tree, plan: &Plan) -> Result<Self, Fault> {
        let parts = Cell::new(0);
        let wanted = count_parts(plan);
        if wanted == 0 {
            return Ok(Self { whole: None, parts });
        }
        let options = [
            ("size", plan.scratch.bytes.to_string()),
            // The directories that are made here are not the instance's.
            ("nr_inodes", (plan.scratch.inodes + wanted + 1).to_string()),
            ("mode", "0700".to_owned()),
        ];
        let whole = make_tmpfs(&options).map_err(|errno| fault("make the scratch space", errno))?;
        let hidden = Path::new(HIDDEN);
        attach_at(&whole, &place::directory(tree, hidden)?, hidden)?;
        let whole = Some(whole);
        Ok(Self { whole, parts })
    }

    /// Shows a new empty part at `target`.
    pub(super) fn show(&self, tree: &Tree, target: &Path, mode: u32, exec: bool) -> Result<(), Fault> {
        let step = |errno| fault("make the scratch directory", errno).about(target.display());
        let part = self.part(mode, exec).map_err(step)?;
        attach_at(&part, &place::directory(tree, target)?, target)?;
        tree.allow(&part, Right::Change { execute: exec })
    }

    fn part(&self, mode: u32, exec: bool) -> rustix::io::Result<OwnedFd> {
        let whole = self.whole.as_ref().ok_or(rustix::io::Errno::NOENT)?;
        let name = self.parts.get().to_string();
        self.parts.set(self.parts.get() + 1);
        mkdirat(whole, &name, Mode::RWXU)?;
        chmodat(whole, &name, Mode::from_raw_mode(mode), AtFlags::empty())?;
        let how = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let part = open_tree(whole, &name, how)?;
        let flags = MountFlags { no_devices: true, no_exec: !exec, ..MountFlags::default() };
        set_mount_flags(&part, flags)?;
        Ok(part)
    }

    /// Only the parts stay.
    pub(super) fn hide(self, tree: &Tree) -> Result<(), Fault> {
        if self.whole.is_none() {
            return Ok(());
        }
        let name = HIDDEN.trim_start_matches('/');
        fchdir(&tree.root)
            .and_then(|()| unmount(name, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW))
            .and_then(|()| unlinkat(&tree.root, name, AtFlags::REMOVEDIR))
            .map_err(|errno| fault("hide the scratch space", errno))
    }
}

/// `/dev` has `/dev/shm`.
fn count_parts(plan: &Plan) -> u64 {
    let writable = |mount: &&Mount| matches!(mount, Mount::Scratch { .. } | Mount::Dev);
    plan.mounts.iter().filter(writable).count() as u64
}
