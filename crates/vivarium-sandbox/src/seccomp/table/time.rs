//! Clocks to read and timers of its own; nothing that sets a clock.

use super::{Call, call};

pub(super) const CALLS: &[Call] = &[
    call(libc::SYS_clock_gettime, "what time is it"),
    call(libc::SYS_clock_getres, "how exact is that"),
    call(libc::SYS_gettimeofday, "what time is it"),
    call(libc::SYS_times, "os.times"),
    call(libc::SYS_nanosleep, "sleeps"),
    call(libc::SYS_clock_nanosleep, "time.sleep"),
    call(libc::SYS_getitimer, "signal.getitimer"),
    call(libc::SYS_setitimer, "signal.setitimer"),
    call(libc::SYS_timer_create, "timers of libraries; `RLIMIT_SIGPENDING` counts them"),
    call(libc::SYS_timer_settime, "timers of libraries"),
    call(libc::SYS_timer_gettime, "timers of libraries"),
    call(libc::SYS_timer_getoverrun, "timers of libraries"),
    call(libc::SYS_timer_delete, "timers of libraries"),
];
