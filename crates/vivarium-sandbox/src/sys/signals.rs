//! `signal(7)`: what a fresh program may expect.

/// Every disposition to its default, nothing blocked. The launcher's runtime ignores SIGPIPE, which
/// would be inherited.
pub(crate) fn restore_default_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: SIG_DFL installs no code. Signals that cannot be changed (SIGKILL, SIGSTOP, those
        // of the C library) answer EINVAL, which is what is wanted.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: the set is filled by `sigemptyset` before it is read; the old mask is not asked for.
    unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}
