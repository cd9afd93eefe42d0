//! `clone3(2)` as a fork into new namespaces.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use rustix::io::Errno;
use rustix::process::Pid;

use super::checked;

/// Both sides of a fork.
pub(crate) enum Birth {
    Parent { pid: Pid, pidfd: OwnedFd },
    Child,
}

/// All namespaces but the cgroup one, which the child leaves by itself once it is in its cgroups.
const NAMESPACES: libc::c_int = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWNET;

/// A fork into new namespaces. The caller must have a single thread: the child is a copy of the
/// calling thread only. The launcher proves that before it calls.
pub(crate) fn clone_into_namespaces() -> Result<Birth, Errno> {
    clone(NAMESPACES)
}

/// A fork, `fork(2)`, under the same condition.
pub(crate) fn fork() -> Result<Birth, Errno> {
    clone(0)
}

fn clone(namespaces: libc::c_int) -> Result<Birth, Errno> {
    let mut pidfd: RawFd = -1;
    // SAFETY: all fields of `clone_args` are integers, for which zero means "not used".
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = (namespaces | libc::CLONE_PIDFD) as u64;
    arguments.pidfd = &raw mut pidfd as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    // SAFETY: without CLONE_VM and with no stack given, the child goes on with a private copy of
    // this address space; the arguments outlive the call and their size is told.
    let result = unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, size_of::<libc::clone_args>()) };
    let pid = checked(result)?;
    let Some(pid) = Pid::from_raw(i32::try_from(pid).unwrap_or(0)) else {
        return Ok(Birth::Child);
    };
    // SAFETY: on success the kernel stored a new descriptor of which we are the only owner.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Birth::Parent { pid, pidfd })
}
