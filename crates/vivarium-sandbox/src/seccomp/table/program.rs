//! What every program does between `execve` and its end.

use super::super::condition::When;
use super::{Call, asked, call};

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE_STATE: &[u32] = &[
    0x1002, // ARCH_SET_FS
    0x1003, // ARCH_GET_FS
    0x1022, // ARCH_GET_XCOMP_PERM
    0x1023, // ARCH_REQ_XCOMP_PERM
];

pub(super) const CALLS: &[Call] = &[
    call(libc::SYS_execve, "the plan's command; it cannot gain a privilege, because `no_new_privs` is set"),
    call(libc::SYS_exit, "a thread ends"),
    call(libc::SYS_exit_group, "the program ends"),
    call(libc::SYS_brk, "the heap of the C library"),
    call(libc::SYS_mmap, "memory, and mapping libraries; mounts decide what may be executed"),
    call(libc::SYS_munmap, "gives memory back"),
    call(libc::SYS_mprotect, "relocations become read-only; trampolines of ctypes become executable"),
    call(libc::SYS_openat, "opens libraries and files; the tree and landlock decide which"),
    call(libc::SYS_close, "closes"),
    call(libc::SYS_read, "reads what is open"),
    call(libc::SYS_readv, "reads what is open"),
    call(libc::SYS_pread64, "the loader reads headers of libraries"),
    call(libc::SYS_write, "writes to what is open"),
    call(libc::SYS_writev, "writes to what is open"),
    call(libc::SYS_lseek, "position in a file"),
    call(libc::SYS_fstat, "size and kind of what is open"),
    call(libc::SYS_newfstatat, "the loader looks for libraries"),
    call(libc::SYS_statx, "the same, newer"),
    call(libc::SYS_readlinkat, "the loader finds its own path"),
    call(libc::SYS_faccessat, "the loader looks for its configuration"),
    call(libc::SYS_fcntl, "flags of descriptors"),
    call(libc::SYS_set_tid_address, "start of the first thread"),
    call(libc::SYS_set_robust_list, "locks of a thread that dies are released"),
    call(libc::SYS_rseq, "the C library registers each thread"),
    call(libc::SYS_futex, "locks between threads"),
    call(libc::SYS_getrandom, "seeds of hashes and of the stack guard"),
    call(libc::SYS_prlimit64, "reads limits; hard limits can only be lowered, and only for its own processes"),
    call(libc::SYS_rt_sigaction, "signal handlers"),
    call(libc::SYS_rt_sigprocmask, "signal masks"),
    call(libc::SYS_rt_sigreturn, "the end of every signal handler"),
    call(libc::SYS_restart_syscall, "the kernel lets a stopped program go on with it"),
    #[cfg(target_arch = "x86_64")]
    asked(libc::SYS_arch_prctl, When::OneOf(0, ARCHITECTURE_STATE), "thread-local storage, wide registers"),
];
