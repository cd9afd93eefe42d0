//! Who am I. Nothing that changes it.

use super::{Call, call};

pub(super) const CALLS: &[Call] = &[
    call(libc::SYS_getpid, "os.getpid"),
    call(libc::SYS_getppid, "os.getppid"),
    call(libc::SYS_getpgid, "process groups"),
    call(libc::SYS_getsid, "sessions"),
    call(libc::SYS_getuid, "os.getuid"),
    call(libc::SYS_geteuid, "os.geteuid"),
    call(libc::SYS_getgid, "os.getgid"),
    call(libc::SYS_getegid, "os.getegid"),
    call(libc::SYS_getresuid, "os.getresuid"),
    call(libc::SYS_getresgid, "os.getresgid"),
    call(libc::SYS_getgroups, "os.getgroups"),
    call(libc::SYS_capget, "what may I; the answer is nothing"),
];
