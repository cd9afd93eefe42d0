//! The one address of unsafe code: system calls that rustix lacks or cannot call safe.
//!
//! Each file wraps one family; nothing here decides anything.
#![allow(unsafe_code)]

mod clone;
mod confine;
mod descriptors;
mod exec;
mod mount;
mod net;
mod ready;
mod signals;
mod wait;

pub(crate) use clone::{Birth, clone_into_namespaces, fork};
pub(crate) use confine::{
    attempts, enforce_ruleset, install_filter, landlock_version, prove_seccomp, request_of, unshare_nothing,
};
pub(crate) use descriptors::{close_all_but, close_on_exec_from, install, take};
pub(crate) use exec::execute;
pub(crate) use mount::{MountFlags, set_mount_flags};
pub(crate) use net::{raise_loopback, unshare_network_namespace};
pub(crate) use ready::watch_readiness;
pub(crate) use signals::{let_children_vanish, restore_default_signals};
pub(crate) use wait::{Death, reap, reap_any};

use rustix::io::Errno;

/// `-1` means that `errno(3)` tells why.
fn checked(result: libc::c_long) -> Result<libc::c_long, Errno> {
    if result >= 0 {
        return Ok(result);
    }
    let error = std::io::Error::last_os_error();
    Err(Errno::from_io_error(&error).unwrap_or(Errno::INVAL))
}

/// Leaves the cgroup namespace; the present cgroups become the roots of the new one.
pub(crate) fn unshare_cgroup_namespace() -> Result<(), Errno> {
    use rustix::thread::{UnshareFlags, unshare_unsafe};
    // SAFETY: CLONE_NEWCGROUP touches no memory and no descriptor of this process, and no other
    // thread exists that could be surprised.
    unsafe { unshare_unsafe(UnshareFlags::NEWCGROUP) }
}
