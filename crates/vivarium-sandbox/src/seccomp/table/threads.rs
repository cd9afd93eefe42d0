//! Threads and how they are scheduled. Real-time classes are refused by `RLIMIT_RTPRIO`.

use super::super::condition::{When, masked};
use super::processes::{NAMESPACES, THREAD};
use super::{Call, asked, call};

/// `prctl(2)`. Nothing that changes what the launcher has set: no parent-death signal, no secure
/// bits, no capabilities, no memory map of another shape, no tracer, no further filter.
const CONTROLS: &[u32] = &[
    2,           // PR_GET_PDEATHSIG
    3,           // PR_GET_DUMPABLE
    4,           // PR_SET_DUMPABLE: only its own processes could look anyway
    15,          // PR_SET_NAME: thread names
    16,          // PR_GET_NAME
    21,          // PR_GET_SECCOMP
    23,          // PR_CAPBSET_READ: the C library of capabilities asks
    29,          // PR_SET_TIMERSLACK: sleeps less exactly
    30,          // PR_GET_TIMERSLACK
    37,          // PR_GET_CHILD_SUBREAPER
    38,          // PR_SET_NO_NEW_PRIVS: is set already
    39,          // PR_GET_NO_NEW_PRIVS
    41,          // PR_SET_THP_DISABLE: allocators
    42,          // PR_GET_THP_DISABLE
    51,          // PR_SVE_GET_VL: numeric libraries on aarch64
    52,          // PR_GET_SPECULATION_CTRL
    56,          // PR_GET_TAGGED_ADDR_CTRL: aarch64
    0x5356_4d41, // PR_SET_VMA: allocators name their mappings
];

pub(super) const CALLS: &[Call] = &[
    asked(
        libc::SYS_clone,
        When::Any(&[&[masked(0, NAMESPACES | THREAD, THREAD)]]),
        "a thread; without new namespaces, in which the kernel would trust the instance more",
    ),
    asked(libc::SYS_prctl, When::OneOf(0, CONTROLS), "thread names and questions"),
    call(libc::SYS_gettid, "threading.get_native_id"),
    call(libc::SYS_sched_yield, "locks that spin"),
    call(libc::SYS_sched_getaffinity, "how many processors"),
    call(libc::SYS_sched_setaffinity, "thread pools pin their threads; the quota holds for all processors in sum"),
    call(libc::SYS_sched_getparam, "thread attributes"),
    call(libc::SYS_sched_setparam, "thread attributes; real time is refused by the limit"),
    call(libc::SYS_sched_getscheduler, "thread attributes"),
    call(libc::SYS_sched_setscheduler, "batch and idle; real time is refused by the limit"),
    call(libc::SYS_sched_getattr, "thread attributes"),
    call(libc::SYS_sched_get_priority_max, "thread attributes"),
    call(libc::SYS_sched_get_priority_min, "thread attributes"),
    call(libc::SYS_sched_rr_get_interval, "os.sched_rr_get_interval"),
];
