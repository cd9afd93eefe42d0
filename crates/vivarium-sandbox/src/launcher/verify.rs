//! Proves the drop from within, in the last moment before `execve`. Each proof asks the kernel,
//! none trusts the steps before.

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use rustix::io::Errno;
use rustix::process::{Uid, getegid, geteuid, getgid, getgroups, getpid, getuid};
use rustix::thread::{
    CapabilitySet, capabilities, capability_is_in_ambient_set, capability_is_in_bounding_set, no_new_privs,
    set_thread_res_uid,
};

use super::inner::Cell;
use crate::error::Fault;
use crate::layer::Layer;
use crate::sys;

/// After the filter: `unshare` without flags works for everybody whom no filter stops.
pub(super) fn filtered(wanted: bool) -> Result<(), Fault> {
    let refused = sys::unshare_nothing() == Err(Errno::PERM);
    prove(refused || !wanted, Layer::Seccomp, "system calls are filtered")
}

pub(super) fn all(cell: &Cell) -> Result<(), Fault> {
    first_process()?;
    drop(cell)
}

/// For the first process of a cell whose tree was made by another: nothing of it was built here.
pub(super) fn first(cell: &Cell) -> Result<(), Fault> {
    first_process()?;
    capabilities_are_gone()?;
    no_new_privileges()?;
    identity(cell)?;
    groups(cell)
}

/// Without being pid 1.
pub(super) fn drop(cell: &Cell) -> Result<(), Fault> {
    capabilities_are_gone()?;
    no_new_privileges()?;
    identity(cell)?;
    groups(cell)?;
    root(cell)
}

fn refuted(layer: Layer, what: &str) -> Fault {
    Fault::new(layer, "prove").about(what)
}

fn prove(holds: bool, layer: Layer, what: &str) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(refuted(layer, what)) }
}

fn capabilities_are_gone() -> Result<(), Fault> {
    let layer = Layer::Capabilities;
    let sets = capabilities(None).map_err(|errno| refuted(layer, "no capability").errno(errno))?;
    let any = sets.effective | sets.permitted | sets.inheritable;
    prove(any.is_empty(), layer, "no capability")?;
    for number in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        // The first unknown number ends the list.
        let Ok(bounding) = capability_is_in_bounding_set(capability) else {
            break;
        };
        let ambient = capability_is_in_ambient_set(capability).unwrap_or(true);
        prove(!bounding && !ambient, layer, "empty bounding and ambient sets")?;
    }
    Ok(())
}

fn no_new_privileges() -> Result<(), Fault> {
    let set = no_new_privs().unwrap_or(false);
    prove(set, Layer::NoNewPrivileges, "no new privileges")
}

fn identity(cell: &Cell) -> Result<(), Fault> {
    let planned = cell.order.plan.identity;
    let uids = [getuid(), geteuid()].map(Uid::as_raw);
    let gids = [getgid(), getegid()].map(rustix::process::Gid::as_raw);
    let as_planned = uids == [planned.uid; 2] && gids == [planned.gid; 2];
    prove(as_planned, Layer::UserNamespace, "the planned ids")?;
    let back = set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT);
    prove(back.is_err(), Layer::UserNamespace, "no way back to user id 0")
}

/// An unprivileged server cannot drop its groups; it must have been told so.
fn groups(cell: &Cell) -> Result<(), Fault> {
    let none = getgroups().is_ok_and(|groups| groups.is_empty());
    let lowered = cell.order.lowered.contains(&Layer::Groups);
    prove(none || lowered, Layer::Groups, "no supplementary group")
}

fn first_process() -> Result<(), Fault> {
    let first = getpid().as_raw_nonzero().get() == 1;
    prove(first, Layer::PidNamespace, "to be process 1")
}

/// The root is the tree that was built, nothing lies above it, and it takes no write.
fn root(cell: &Cell) -> Result<(), Fault> {
    let layer = Layer::MountNamespace;
    let built = cell.tree.as_ref().ok_or_else(|| refuted(layer, "a tree"))?;
    let identify = |path: &str| identify(CWD, path, AtFlags::empty());
    let built = identify_descriptor(&built.root);
    prove(identify("/") == built, layer, "the new root")?;
    prove(identify("/..") == built, layer, "nothing above the root")?;
    let write = rustix::fs::mkdir("/.proof", rustix::fs::Mode::RWXU);
    prove(write == Err(Errno::ROFS), layer, "a read-only root")
}

fn identify_descriptor(descriptor: &std::os::fd::OwnedFd) -> Result<(u64, u64), Errno> {
    identify(descriptor, "", AtFlags::EMPTY_PATH)
}

/// Mount id and inode.
fn identify(at: impl std::os::fd::AsFd, path: &str, flags: AtFlags) -> Result<(u64, u64), Errno> {
    let wanted = StatxFlags::INO | StatxFlags::MNT_ID;
    let found = statx(at, path, flags, wanted)?;
    Ok((found.stx_mnt_id, found.stx_ino))
}
