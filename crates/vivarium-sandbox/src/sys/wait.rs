//! `wait4(2)`, because the usage of the dead is told nowhere else.

use rustix::io::Errno;
use rustix::process::Pid;

use super::checked;

/// Takes any child that has ended from the process table; `None` when none has.
pub(crate) fn reap_any() -> Option<(Pid, Death)> {
    let (pid, death) = wait(-1, libc::WNOHANG).ok()?;
    Some((Pid::from_raw(pid)?, death))
}

/// How a child ended and what it used up.
#[derive(Clone, Copy)]
pub(crate) struct Death {
    /// As of `wait(2)`.
    pub(crate) raw_status: i32,
    /// User and system time, with that of all reaped descendants.
    pub(crate) cpu_micros: u64,
}

/// Waits for one child and takes it from the process table.
pub(crate) fn reap(pid: Pid) -> Result<Death, Errno> {
    wait(pid.as_raw_nonzero().get(), 0).map(|(_, death)| death)
}

/// The pid is 0 when no child of those asked for has ended and the options say not to wait.
fn wait(pid: libc::pid_t, options: libc::c_int) -> Result<(libc::pid_t, Death), Errno> {
    let mut raw_status = 0;
    // SAFETY: `rusage` is integers, for which zero is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both places outlive the call and have the types that it writes.
    let result = unsafe { libc::wait4(pid, &raw mut raw_status, options | libc::__WALL, &raw mut usage) };
    checked(result.into())?;
    let cpu_micros = micros(usage.ru_utime) + micros(usage.ru_stime);
    Ok((result, Death { raw_status, cpu_micros }))
}

fn micros(time: libc::timeval) -> u64 {
    let micros = time.tv_sec * 1_000_000 + time.tv_usec;
    u64::try_from(micros).unwrap_or(0)
}
