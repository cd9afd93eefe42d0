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
