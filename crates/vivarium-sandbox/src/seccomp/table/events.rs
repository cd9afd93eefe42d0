//! Waiting for many things at once, and things to wait for.

use super::{Call, call};

pub(super) const CALLS: &[Call] = &[
    call(libc::SYS_ppoll, "select.poll"),
    call(libc::SYS_pselect6, "select.select"),
    call(libc::SYS_epoll_create1, "asyncio"),
    call(libc::SYS_epoll_ctl, "asyncio"),
    call(libc::SYS_epoll_pwait, "asyncio"),
    call(libc::SYS_epoll_pwait2, "asyncio of other run-time systems"),
    call(libc::SYS_eventfd2, "threads wake each other"),
    call(libc::SYS_timerfd_create, "timers as things to wait for"),
    call(libc::SYS_timerfd_settime, "timers as things to wait for"),
    call(libc::SYS_timerfd_gettime, "timers as things to wait for"),
    call(libc::SYS_inotify_init1, "watches files of its own"),
    call(libc::SYS_inotify_add_watch, "watches files of its own; the user namespace counts the watches"),
    call(libc::SYS_inotify_rm_watch, "watches files of its own"),
];
