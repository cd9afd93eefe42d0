//! More processes. Their number is limited by the cgroup, their reach by the pid namespace.

use super::super::condition::{When, masked};
use super::{Call, asked, call};

/// A clone flag in here makes a namespace. CLONE_NEWTIME is not among them: for `clone` its bit is
/// part of the exit signal.
pub(super) const NAMESPACES: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET)
    .cast_unsigned();

pub(super) const THREAD: u32 = libc::CLONE_THREAD.cast_unsigned();

pub(super) const CALLS: &[Call] = &[
    asked(
        libc::SYS_clone,
        When::Any(&[&[masked(0, NAMESPACES | THREAD, 0)]]),
        "fork; without new namespaces, in which the kernel would trust the instance more",
    ),
    call(libc::SYS_execveat, "os.execve of a descriptor; as harmless as execve"),
    call(libc::SYS_wait4, "waits for children"),
    call(libc::SYS_waitid, "waits for children"),
    call(libc::SYS_setpgid, "subprocess makes process groups"),
    call(libc::SYS_setsid, "subprocess makes sessions"),
    call(libc::SYS_pidfd_open, "asyncio watches children"),
    call(libc::SYS_pidfd_send_signal, "signals to its own processes"),
    call(libc::SYS_getpriority, "os.nice"),
    call(libc::SYS_setpriority, "os.nice; only towards less"),
];
