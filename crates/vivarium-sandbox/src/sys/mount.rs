//! `mount_setattr(2)`.

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;

use super::checked;

/// Flags to set on a mount; nothing is ever cleared.
#[derive(Clone, Copy, Default)]
pub(crate) struct MountFlags {
    pub(crate) read_only: bool,
    pub(crate) no_devices: bool,
    pub(crate) no_exec: bool,
    /// With all mounts below.
    pub(crate) recursive: bool,
}

/// Sets the flags, nosuid always, and makes the propagation private.
pub(crate) fn set_mount_flags(mount: impl AsFd, flags: MountFlags) -> Result<(), Errno> {
    let attributes =
        libc::mount_attr { attr_set: bits(flags), attr_clr: 0, propagation: libc::MS_PRIVATE, userns_fd: 0 };
    let recursive = if flags.recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is a terminated empty string, the attributes outlive the call and their
    // size is told.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | recursive,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    checked(result).map(drop)
}

fn bits(flags: MountFlags) -> u64 {
    let mut bits = libc::MOUNT_ATTR_NOSUID;
    if flags.read_only {
        bits |= libc::MOUNT_ATTR_RDONLY;
    }
    if flags.no_devices {
        bits |= libc::MOUNT_ATTR_NODEV;
    }
    if flags.no_exec {
        bits |= libc::MOUNT_ATTR_NOEXEC;
    }
    bits
}
