//! Entering a prepared cell. Joining a namespace takes a descriptor of it, and nobody but the keeper has one to give.

use super::super::condition::When;
use super::{Call, asked, call};

/// `prctl(2)`: locking oneself in, never out.
const CONTROLS: &[u32] = &[
    24, // PR_CAPBSET_DROP
    28, // PR_SET_SECUREBITS
];

pub(super) const CALLS: &[Call] = &[
    call(libc::SYS_setns, "enters the namespaces of the cell"),
    call(libc::SYS_setresgid, "becomes the group of the cell, the only one that it knows"),
    call(libc::SYS_setresuid, "becomes the user of the cell, the only one that it knows"),
    call(libc::SYS_capset, "drops what entering the user namespace gave"),
    asked(libc::SYS_prctl, When::OneOf(0, CONTROLS), "drops the bounding set and locks the secure bits"),
    call(libc::SYS_landlock_restrict_self, "enforces the rules of the cell"),
    call(libc::SYS_seccomp, "takes this theme away again"),
];
