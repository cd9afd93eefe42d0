//! Descriptors by their number, which is what an executed program inherits.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::Errno;

use super::checked;

/// Takes ownership of an inherited descriptor. To be called once for each number, early in `main`.
pub(crate) fn take(number: RawFd) -> OwnedFd {
    // SAFETY: the launcher's protocol says that this descriptor is open and for nobody else; were
    // it closed, its first use would fail with EBADF.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Puts a copy of `source` at `number`, without close-on-exec. `source` must lie elsewhere.
pub(crate) fn install(source: impl AsFd, number: RawFd) -> Result<(), Errno> {
    // SAFETY: `dup2` takes plain numbers. What was at `number` is closed by it: the callers use it
    // for 0 to 3 only, which no owned object of the launcher's child holds any more.
    let result = unsafe { libc::dup2(source.as_fd().as_raw_fd(), number) };
    checked(result.into()).map(drop)
}

/// Marks everything from `first` on to be closed by the next `execve`, `close_range(2)`.
pub(crate) fn close_on_exec_from(first: u32) -> Result<(), Errno> {
    // SAFETY: only a flag of descriptors changes, no descriptor is closed now.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    checked(result).map(drop)
}

/// Closes every descriptor but the two. To be called by a forked child that will never return to the code that owns
/// the others.
pub(crate) fn close_all_but(first: impl AsFd, second: impl AsFd) -> Result<(), Errno> {
    let (first, second) = (first.as_fd().as_raw_fd().cast_unsigned(), second.as_fd().as_raw_fd().cast_unsigned());
    let (low, high) = (first.min(second), first.max(second));
    close_range(0, low.checked_sub(1))?;
    close_range(low + 1, high.checked_sub(1))?;
    close_range(high + 1, Some(libc::c_uint::MAX))
}

/// Nothing where the range is empty.
fn close_range(first: libc::c_uint, last: Option<libc::c_uint>) -> Result<(), Errno> {
    let Some(last) = last.filter(|last| *last >= first) else {
        return Ok(());
    };
    // SAFETY: the callers are processes in which the owners of these descriptors will never run.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    checked(result).map(drop)
}
