//! Signals. The pid namespace and landlock decide who can be reached.

use super::{Call, call};

pub(super) const CALLS: &[Call] = &[
    call(libc::SYS_kill, "os.kill, abort; nobody outside can be named"),
    call(libc::SYS_tkill, "raise of older C libraries"),
    call(libc::SYS_tgkill, "signal.pthread_kill, abort"),
    call(libc::SYS_sigaltstack, "faulthandler"),
    call(libc::SYS_rt_sigpending, "signal.sigpending"),
    call(libc::SYS_rt_sigsuspend, "waits for a signal"),
    call(libc::SYS_rt_sigtimedwait, "signal.sigtimedwait"),
    call(libc::SYS_rt_sigqueueinfo, "sigqueue; the kernel refuses forged senders"),
    call(libc::SYS_rt_tgsigqueueinfo, "pthread_sigqueue; the kernel refuses forged senders"),
    call(libc::SYS_signalfd4, "signals as things to read"),
];
