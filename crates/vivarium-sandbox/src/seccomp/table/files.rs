//! Paths and files. Which of them can be reached is decided by the tree and by landlock; these
//! calls only work on what is there.

use super::super::condition::{When, masked};
use super::{Call, asked, call};

/// Anything but a device. The kernel wants CAP_MKNOD for those, except for the "whiteout" of
/// overlays, which is no business of an instance either.
pub(super) const KIND_MASK: u32 = libc::S_IFMT;

pub(super) const CALLS: &[Call] = &[
    call(libc::SYS_openat2, "opens with rules for links"),
    call(libc::SYS_faccessat2, "may I read this"),
    call(libc::SYS_getdents64, "lists directories"),
    call(libc::SYS_getcwd, "working directory"),
    call(libc::SYS_chdir, "working directory"),
    call(libc::SYS_fchdir, "working directory"),
    call(libc::SYS_umask, "mode of new files"),
    call(libc::SYS_mkdirat, "makes directories in the scratch space"),
    asked(
        libc::SYS_mknodat,
        When::Any(&[
            &[masked(2, KIND_MASK, 0)],
            &[masked(2, KIND_MASK, libc::S_IFREG)],
            &[masked(2, KIND_MASK, libc::S_IFIFO)],
            &[masked(2, KIND_MASK, libc::S_IFSOCK)],
        ]),
        "named pipes; devices are refused by the kind",
    ),
    call(libc::SYS_unlinkat, "removes"),
    call(libc::SYS_renameat2, "renames"),
    call(RENAMEAT, "renames"),
    call(libc::SYS_linkat, "links; temporary files get their names by it"),
    call(libc::SYS_symlinkat, "symbolic links; resolved inside only"),
    call(libc::SYS_fchmod, "modes; mounts are nosuid"),
    call(libc::SYS_fchmodat, "modes; mounts are nosuid"),
    call(FCHMODAT2, "modes; mounts are nosuid"),
    call(libc::SYS_fchown, "tar and shutil set owners; only the own ids exist inside"),
    call(libc::SYS_fchownat, "tar and shutil set owners; only the own ids exist inside"),
    call(libc::SYS_utimensat, "times of files"),
    call(libc::SYS_truncate, "sizes of files"),
    call(libc::SYS_ftruncate, "sizes of files and of shared memory"),
    call(libc::SYS_fallocate, "space for files ahead; the scratch limit counts it"),
    call(libc::SYS_fsync, "SQLite writes durably; scratch space is memory"),
    call(libc::SYS_fdatasync, "SQLite writes durably; scratch space is memory"),
    call(SYNC_FILE_RANGE, "writes back a part of one file"),
    call(libc::SYS_fadvise64, "how a file will be read"),
    call(libc::SYS_readahead, "how a file will be read"),
    call(libc::SYS_preadv, "reads at a place"),
    call(libc::SYS_preadv2, "reads at a place"),
    call(libc::SYS_pwrite64, "writes at a place"),
    call(libc::SYS_pwritev, "writes at a place"),
    call(libc::SYS_pwritev2, "writes at a place"),
    call(libc::SYS_sendfile, "shutil and socket copy in the kernel"),
    call(libc::SYS_copy_file_range, "copies in the kernel"),
    call(libc::SYS_splice, "os.splice"),
    call(libc::SYS_tee, "beside splice"),
    call(libc::SYS_flock, "locks between the instance's own processes"),
    call(libc::SYS_dup, "descriptors"),
    call(libc::SYS_dup3, "descriptors"),
    call(libc::SYS_close_range, "subprocess closes what a child shall not have"),
    call(libc::SYS_pipe2, "pipes between processes"),
    call(libc::SYS_statfs, "free space"),
    call(libc::SYS_fstatfs, "free space; is this a tmpfs"),
    call(libc::SYS_getxattr, "shutil copies attributes"),
    call(libc::SYS_lgetxattr, "shutil copies attributes"),
    call(libc::SYS_fgetxattr, "shutil copies attributes"),
    call(libc::SYS_listxattr, "shutil copies attributes"),
    call(libc::SYS_llistxattr, "shutil copies attributes"),
    call(libc::SYS_flistxattr, "shutil copies attributes"),
    call(libc::SYS_setxattr, "shutil copies attributes; the scratch space counts them"),
    call(libc::SYS_lsetxattr, "shutil copies attributes; the scratch space counts them"),
    call(libc::SYS_fsetxattr, "shutil copies attributes; the scratch space counts them"),
    call(libc::SYS_removexattr, "the way back"),
    call(libc::SYS_lremovexattr, "the way back"),
    call(libc::SYS_fremovexattr, "the way back"),
    asked(libc::SYS_ioctl, When::OneOf(1, REQUESTS), "is it a terminal, how much can be read, which interfaces"),
];

/// Same number on all architectures; not in the C library's headers everywhere yet.
const FCHMODAT2: libc::c_long = 452;
#[cfg(target_arch = "aarch64")]
const RENAMEAT: libc::c_long = 38;
#[cfg(not(target_arch = "aarch64"))]
const RENAMEAT: libc::c_long = libc::SYS_renameat;
#[cfg(target_arch = "aarch64")]
const SYNC_FILE_RANGE: libc::c_long = 84;
#[cfg(not(target_arch = "aarch64"))]
const SYNC_FILE_RANGE: libc::c_long = libc::SYS_sync_file_range;

/// `ioctl_list(2)`. Nothing that changes a terminal (TIOCSTI, TIOCLINUX, TIOCSETD, TIOCSCTTY), a
/// network interface or a file system.
const REQUESTS: &[u32] = &[
    0x5401,      // TCGETS: isatty
    0x802c_542a, // TCGETS2: isatty of newer C libraries
    0x5413,      // TIOCGWINSZ: os.get_terminal_size
    0x5411,      // TIOCOUTQ, SIOCOUTQ: how much is not yet sent
    0x541b,      // FIONREAD, SIOCINQ: how much can be read
    0x5421,      // FIONBIO: nonblocking
    0x5450,      // FIONCLEX: os.set_inheritable
    0x5451,      // FIOCLEX: os.set_inheritable
    0x8910,      // SIOCGIFNAME: socket.if_indextoname
    0x8912,      // SIOCGIFCONF: uuid.getnode
    0x8913,      // SIOCGIFFLAGS: is the interface up
    0x8915,      // SIOCGIFADDR: address of an interface
    0x8919,      // SIOCGIFBRDADDR: the same
    0x891b,      // SIOCGIFNETMASK: the same
    0x8921,      // SIOCGIFMTU: the same
    0x8927,      // SIOCGIFHWADDR: uuid.getnode
    0x8933,      // SIOCGIFINDEX: socket.if_nametoindex
];
