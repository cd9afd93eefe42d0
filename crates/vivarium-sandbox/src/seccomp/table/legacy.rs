//! Calls that only x86_64 has: newer architectures were born without them. The C library and older
//! wheels still make many; nearly each has a newer form in its theme.

use super::super::condition::{When, masked};
use super::super::theme::Theme;
use super::files::KIND_MASK;
use super::{Call, Refused, asked, call, refuse};

const OLDER: &str = "the older form of a call of the same theme";

const fn older(number: libc::c_long) -> Call {
    call(number, OLDER)
}

const ARCHITECTURE_STATE: &[u32] = &[
    0x1002, // ARCH_SET_FS
    0x1003, // ARCH_GET_FS
    0x1022, // ARCH_GET_XCOMP_PERM
    0x1023, // ARCH_REQ_XCOMP_PERM
];

pub(super) const CALLS: &[(Theme, Call)] = &[
    (
        Theme::Program,
        asked(libc::SYS_arch_prctl, When::OneOf(0, ARCHITECTURE_STATE), "thread-local storage, wide registers"),
    ),
    (Theme::Program, older(libc::SYS_open)),
    (Theme::Program, older(libc::SYS_stat)),
    (Theme::Program, older(libc::SYS_access)),
    (Theme::Program, older(libc::SYS_readlink)),
    (Theme::Files, older(libc::SYS_lstat)),
    (Theme::Files, older(libc::SYS_creat)),
    (Theme::Files, older(libc::SYS_getdents)),
    (Theme::Files, older(libc::SYS_mkdir)),
    (Theme::Files, older(libc::SYS_rmdir)),
    (Theme::Files, older(libc::SYS_unlink)),
    (Theme::Files, older(libc::SYS_rename)),
    (Theme::Files, older(libc::SYS_link)),
    (Theme::Files, older(libc::SYS_symlink)),
    (Theme::Files, older(libc::SYS_chmod)),
    (Theme::Files, older(libc::SYS_chown)),
    (Theme::Files, older(libc::SYS_lchown)),
    (Theme::Files, older(libc::SYS_utime)),
    (Theme::Files, older(libc::SYS_utimes)),
    (Theme::Files, older(libc::SYS_futimesat)),
    (Theme::Files, older(libc::SYS_dup2)),
    (Theme::Files, older(libc::SYS_pipe)),
    (
        Theme::Files,
        asked(
            libc::SYS_mknod,
            When::Any(&[
                &[masked(1, KIND_MASK, 0)],
                &[masked(1, KIND_MASK, libc::S_IFREG)],
                &[masked(1, KIND_MASK, libc::S_IFIFO)],
                &[masked(1, KIND_MASK, libc::S_IFSOCK)],
            ]),
            "named pipes; devices are refused by the kind",
        ),
    ),
    (Theme::Processes, older(libc::SYS_fork)),
    (Theme::Processes, older(libc::SYS_vfork)),
    (Theme::Identity, older(libc::SYS_getpgrp)),
    (Theme::Time, older(libc::SYS_time)),
    (Theme::Time, older(libc::SYS_alarm)),
    (Theme::Signals, older(libc::SYS_pause)),
    (Theme::Signals, older(libc::SYS_signalfd)),
    (Theme::Events, older(libc::SYS_poll)),
    (Theme::Events, older(libc::SYS_select)),
    (Theme::Events, older(libc::SYS_epoll_create)),
    (Theme::Events, older(libc::SYS_epoll_wait)),
    (Theme::Events, older(libc::SYS_eventfd)),
    (Theme::Events, older(libc::SYS_inotify_init)),
];

const HARDWARE: &str = "speaks with the hardware";
const SEGMENTS: &str = "segments of another age, and a long history of faults";
const TOLD: &str = "tells about the host's file systems";
const LIBRARY: &str = "loads a library in the way of another age";

pub(super) const REFUSED: &[Refused] = &[
    refuse(libc::SYS_iopl, HARDWARE),
    refuse(libc::SYS_ioperm, HARDWARE),
    refuse(libc::SYS_modify_ldt, SEGMENTS),
    refuse(libc::SYS_set_thread_area, SEGMENTS),
    refuse(libc::SYS_get_thread_area, SEGMENTS),
    refuse(libc::SYS_ustat, TOLD),
    refuse(libc::SYS_sysfs, TOLD),
    refuse(libc::SYS__sysctl, TOLD),
    refuse(libc::SYS_uselib, LIBRARY),
];
