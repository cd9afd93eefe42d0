//! What kind of machine this is, how much is used, what the limits are.

use super::super::condition::When;
use super::{Call, asked, call};

/// PER_LINUX, and the question for the present one.
const PERSONALITIES: &[u32] = &[0, 0xffff_ffff];

pub(super) const CALLS: &[Call] = &[
    call(libc::SYS_uname, "platform; the host name is the instance's own"),
    call(libc::SYS_sysinfo, "how much memory is there"),
    call(libc::SYS_getrusage, "resource.getrusage"),
    call(GETRLIMIT, "resource.getrlimit"),
    call(SETRLIMIT, "resource.setrlimit; hard limits can only be lowered"),
    call(libc::SYS_getcpu, "allocators choose an arena"),
    asked(
        libc::SYS_personality,
        When::OneOf(0, PERSONALITIES),
        "asks; others would take the random layout of addresses away or emulate what is less tested",
    ),
];

#[cfg(target_arch = "aarch64")]
const GETRLIMIT: libc::c_long = 163;
#[cfg(not(target_arch = "aarch64"))]
const GETRLIMIT: libc::c_long = libc::SYS_getrlimit;
#[cfg(target_arch = "aarch64")]
const SETRLIMIT: libc::c_long = 164;
#[cfg(not(target_arch = "aarch64"))]
const SETRLIMIT: libc::c_long = libc::SYS_setrlimit;
