//! `signal(7)`: what a fresh program may expect.

/// `_NSIG` of the kernel.
const SIGNALS: libc::c_int = 64;

/// The kernel's `struct sigaction`; all zero is the default action on every architecture, whatever
/// the order of its fields.
#[repr(C)]
#[derive(Default)]
struct KernelAction {
    words: [u64; 4],
}

/// Every disposition to its default, nothing blocked. The launcher's runtime ignores SIGPIPE, which
/// would be inherited.
///
/// Not by the C library, which refuses to touch the two signals that it keeps for itself.
pub(crate) fn restore_default_signals() {
    for signal in 1..=SIGNALS {
        let action = KernelAction::default();
        // SAFETY: the action is SIG_DFL without flags, which installs no code; it outlives the
        // call and the size of its mask is told. SIGKILL and SIGSTOP answer EINVAL.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                &raw const action,
                std::ptr::null_mut::<KernelAction>(),
                size_of::<u64>(),
            )
        };
    }
    // SAFETY: the set is filled by `sigemptyset` before it is read; the old mask is not asked for.
    unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Children vanish when they end, nobody has to wait for them; `sigaction(2)`, `SA_NOCLDWAIT`.
pub(crate) fn let_children_vanish() {
    // SAFETY: SIG_IGN installs no code.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}
