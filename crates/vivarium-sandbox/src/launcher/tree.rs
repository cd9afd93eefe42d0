//! The instance's file tree: a small tmpfs as skeleton, read-only in the end, and what the plan
//! mounts into it.

mod dev;
mod place;
mod proc;
mod scratch;

use std::cell::RefCell;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, symlinkat};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, UnmountFlags, fsconfig_create,
    fsconfig_set_string, fsmount, fsopen, mount_change, move_mount, unmount,
};
use rustix::process::{chdir, fchdir, pivot_root};

use super::inner::Cell;
use super::rules::{Right, Rules};
use crate::error::Fault;
use crate::layer::Layer;
use crate::plan::{Mount, Plan};
use crate::sys::{MountFlags, set_mount_flags};
pub(super) use proc::apart as private_proc;
use scratch::Scratch;

/// The tree while it is built, below a directory of the old one.
pub(super) struct Tree {
    pub(super) root: OwnedFd,
    /// What landlock shall allow; grows with the tree.
    rules: RefCell<Rules>,
}

impl Tree {
    fn allow(&self, place: impl AsFd, right: Right) -> Result<(), Fault> {
        self.rules.borrow_mut().allow(place, right)
    }
}

/// Bytes for the skeleton beside the files of the plan: directories, links, empty mount points.
const SKELETON_BYTES: usize = 2 << 20;
/// Directories, links and mount points of the skeleton.
const SKELETON_INODES: u64 = 8192;
/// Any directory of the old tree would do as the place to build on; this one is certain to exist.
const BUILDING_SITE: &str = "/proc";

pub(super) fn fault(step: &str, errno: rustix::io::Errno) -> Fault {
    Fault::new(Layer::MountNamespace, step).errno(errno)
}

/// The new namespace was born with the host's mounts as slaves; not even that is wanted.
pub(super) fn make_private() -> Result<(), Fault> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(|errno| fault("make the mounts private", errno))
}

pub(super) fn build(cell: &mut Cell) -> Result<(), Fault> {
    let rules = RefCell::new(Rules::begin(cell.order.landlock)?);
    let tree = Tree { root: make_root(&cell.order.plan)?, rules };
    tree.allow(&tree.root, Right::List)?;
    attach(&tree.root, CWD, Path::new(BUILDING_SITE))?;
    let scratch = Scratch::make(&tree, &cell.order.plan)?;
    let sources = cell.sources.take();
    let (binds, devices) = sources.map(|sources| (sources.binds, sources.devices)).unwrap_or_default();
    let mut binds = binds.into_iter();
    for mount in &cell.order.plan.mounts {
        match mount {
            Mount::Bind { target, exec, .. } => bind(&tree, binds.next(), target, *exec)?,
            Mount::Scratch { target, exec, .. } => scratch.show(&tree, target, *exec)?,
            Mount::File { target, contents, mode } => place::file(&tree, target, contents, *mode)?,
            Mount::Symlink { target, points_to } => symlink(&tree, target, points_to)?,
            Mount::Proc => show_proc(cell.order.lowered.contains(&Layer::Proc), &tree, &mut cell.missing)?,
            Mount::Dev => dev::make(&tree, &devices, &scratch)?,
        }
    }
    cell.tree = Some(tree);
    Ok(())
}

/// A detached tmpfs.
fn make_tmpfs(options: &[(&str, String)]) -> rustix::io::Result<OwnedFd> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        fsconfig_set_string(&context, *key, value.as_str())?;
    }
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

fn make_root(plan: &Plan) -> Result<OwnedFd, Fault> {
    let files: usize = plan.mounts.iter().map(file_bytes).sum();
    let options = [
        ("size", (SKELETON_BYTES + files).to_string()),
        ("nr_inodes", SKELETON_INODES.to_string()),
        ("mode", "0755".to_owned()),
    ];
    make_tmpfs(&options).map_err(|errno| fault("make the root of the tree", errno))
}

/// Each file takes whole pages.
fn file_bytes(mount: &Mount) -> usize {
    match mount {
        Mount::File { contents, .. } => contents.len() + 4096,
        _ => 0,
    }
}

fn bind(tree: &Tree, source: Option<OwnedFd>, target: &Path, exec: bool) -> Result<(), Fault> {
    let source =
        source.ok_or_else(|| Fault::new(Layer::MountNamespace, "find the opened source of").about(target.display()))?;
    let point = if is_directory(&source)? { place::directory(tree, target)? } else { place::empty_file(tree, target)? };
    tree.allow(&source, if exec { Right::Execute } else { Right::Read })?;
    attach_at(&source, &point, target)
}

fn is_directory(source: &OwnedFd) -> Result<bool, Fault> {
    let status = rustix::fs::fstat(source).map_err(|errno| fault("look at a bind source", errno))?;
    Ok(rustix::fs::FileType::from_raw_mode(status.st_mode).is_dir())
}

fn symlink(tree: &Tree, target: &Path, points_to: &Path) -> Result<(), Fault> {
    let (parent, name) = place::parent(tree, target)?;
    symlinkat(points_to, &parent, name).map_err(|errno| fault("make the symbolic link", errno).about(target.display()))
}

fn attach(mount: &OwnedFd, at: impl std::os::fd::AsFd, path: &Path) -> Result<(), Fault> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(mount, "", at, path, flags).map_err(|errno| fault("attach the mount", errno).about(path.display()))
}

/// `point` was opened beneath the new root without following any link.
fn attach_at(mount: &OwnedFd, point: &OwnedFd, target: &Path) -> Result<(), Fault> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, "", point, "", flags).map_err(|errno| fault("attach the mount", errno).about(target.display()))
}

/// `pivot_root(".", ".")` stacks the old root over the new one, from where it is detached with all
/// that was below; `pivot_root(2)`, notes. Then the skeleton is sealed.
pub(super) fn pivot(cell: &mut Cell) -> Result<(), Fault> {
    let Some(tree) = &cell.tree else {
        return Err(Fault::new(Layer::MountNamespace, "find the tree"));
    };
    fchdir(&tree.root).map_err(|errno| fault("enter the new root", errno))?;
    pivot_root(".", ".").map_err(|errno| fault("change the root", errno))?;
    unmount(".", UnmountFlags::DETACH).map_err(|errno| fault("detach the old root", errno))?;
    chdir("/").map_err(|errno| fault("enter the new root", errno))?;
    let sealed = MountFlags { read_only: true, no_devices: true, no_exec: true, recursive: false };
    set_mount_flags(&tree.root, sealed).map_err(|errno| fault("seal the root", errno))
}

/// What landlock shall allow. After it is enforced the tree cannot change any more, whoever tries.
pub(super) fn rules(cell: &Cell) -> Result<Option<OwnedFd>, Fault> {
    match &cell.tree {
        Some(tree) => tree.rules.take().finish(),
        None => Err(Fault::new(Layer::Landlock, "find the tree")),
    }
}

/// In a copy of the namespace of a tree that [`build`] made, lays what has to be the copy's own over what it would
/// share with the original and other copies: all writable space, and `/proc` for those who have a new pid namespace.
/// All else is read-only there and stays as it is.
pub(super) fn renew(cell: &mut Cell) -> Result<(), Fault> {
    let rules = RefCell::new(Rules::begin(cell.order.landlock)?);
    let root = rustix::fs::open("/", PLACE, Mode::empty()).map_err(|errno| fault("open the root", errno))?;
    let tree = Tree { root, rules };
    tree.allow(&tree.root, Right::List)?;
    let scratch = Scratch::renew(&tree, &cell.order.plan)?;
    for mount in &cell.order.plan.mounts {
        match mount {
            Mount::Bind { target, exec, .. } => {
                tree.allow(place::there(&tree, target)?, if *exec { Right::Execute } else { Right::Read })?;
            }
            Mount::File { target, .. } => tree.allow(place::there(&tree, target)?, Right::Read)?,
            Mount::Scratch { target, exec, .. } => scratch.show(&tree, target, *exec)?,
            Mount::Symlink { .. } => {}
            Mount::Proc => show_proc(cell.order.lowered.contains(&Layer::Proc), &tree, &mut cell.missing)?,
            Mount::Dev => dev::renew(&tree, &scratch)?,
        }
    }
    cell.tree = Some(tree);
    Ok(())
}

fn show_proc(lowered: bool, tree: &Tree, missing: &mut Vec<Layer>) -> Result<(), Fault> {
    if !proc::mount(tree, lowered)? {
        missing.push(Layer::Proc);
    }
    Ok(())
}

/// How directories on the way are opened: as mere places.
const PLACE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const DIRECTORY_MODE: Mode = Mode::RWXU.union(Mode::RGRP).union(Mode::XGRP).union(Mode::ROTH).union(Mode::XOTH);
