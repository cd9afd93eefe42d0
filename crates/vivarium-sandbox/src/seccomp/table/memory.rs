//! Address space.

use super::{Call, call};

pub(super) const CALLS: &[Call] = &[
    call(libc::SYS_mremap, "large blocks grow without being copied"),
    call(libc::SYS_madvise, "allocators give pages back"),
    call(libc::SYS_msync, "mmap.flush"),
    call(libc::SYS_mincore, "what of a mapping of its own is in memory"),
    call(libc::SYS_mlock, "keys stay out of swap; `RLIMIT_MEMLOCK` is small"),
    call(libc::SYS_mlock2, "keys stay out of swap; `RLIMIT_MEMLOCK` is small"),
    call(libc::SYS_munlock, "the way back"),
    call(libc::SYS_mlockall, "keys stay out of swap; `RLIMIT_MEMLOCK` is small"),
    call(libc::SYS_munlockall, "the way back"),
    call(libc::SYS_mseal, "makes mappings unchangeable"),
    call(libc::SYS_memfd_create, "os.memfd_create; counted as memory of the instance"),
    call(libc::SYS_pkey_alloc, "protection keys of code generators"),
    call(libc::SYS_pkey_free, "protection keys of code generators"),
    call(libc::SYS_pkey_mprotect, "protection keys of code generators"),
    call(libc::SYS_get_mempolicy, "libnuma asks when it is loaded; reads only"),
    call(libc::SYS_membarrier, "run-time systems order their threads"),
];
