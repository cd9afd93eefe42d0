//! The first process of a forked instance, once its cell stands: it says so, lets go of what it handed over, and waits.

use super::{Call, call};

pub(super) const CALLS: &[Call] = &[
    call(libc::SYS_sendmsg, "tells the keeper that the cell stands, and hands it over"),
    call(libc::SYS_close, "lets go of what it handed over"),
    #[cfg(target_arch = "x86_64")]
    call(libc::SYS_poll, "waits for the end of the keeper"),
    call(libc::SYS_ppoll, "the same, newer"),
    call(libc::SYS_restart_syscall, "goes on waiting after it was stopped"),
    call(libc::SYS_rt_sigreturn, "the end of every signal handler"),
    call(libc::SYS_munmap, "gives memory back at its end"),
    call(libc::SYS_madvise, "gives memory back at its end"),
    call(libc::SYS_exit_group, "the end"),
];
