//! What the kernel has and an instance may not call: answers EPERM. What stands in no list answers
//! ENOSYS; so do, on purpose, `clone3` (its flags lie in memory, where no filter can look; the C
//! library falls back to `clone`), `io_uring_*` (calls that no filter sees), `futex_waitv`, and the
//! calls by which programs lock themselves in further, `seccomp` and `landlock_*`: programs that
//! offer it go on without when the kernel seems to lack it.

use super::{Refused, refuse};

const NAMESPACE: &str = "namespaces and mounts: more of the kernel in reach";
const KERNEL: &str = "changes the kernel itself";
const MACHINE: &str = "changes the whole machine";
const CLOCK: &str = "sets the machine's clock";
const KEYS: &str = "keys of the kernel are shared by users, not by namespaces";
const OTHERS: &str = "looks into other processes";
const OBSERVE: &str = "a large interface with a long history of faults";
const HANDLE: &str = "reaches files around the path, and so around the tree";
const WHO: &str = "the ids are fixed";
const SYSTEM_V: &str = "outlives its processes; there is POSIX shared memory";
const QUEUE: &str = "outlives its processes; there are pipes and sockets";
const PLACEMENT: &str = "where pages lie is the host's matter";
const SCHEDULING: &str = "takes more than its share of disk or processor";
const ASYNCHRONOUS: &str = "an old interface that nothing in a script needs";
const SECRET: &str = "takes memory that cannot be swapped nor inspected";

pub(super) const CALLS: &[Refused] = &[
    refuse(libc::SYS_unshare, NAMESPACE),
    refuse(libc::SYS_setns, NAMESPACE),
    refuse(libc::SYS_mount, NAMESPACE),
    refuse(libc::SYS_umount2, NAMESPACE),
    refuse(libc::SYS_pivot_root, NAMESPACE),
    refuse(libc::SYS_chroot, NAMESPACE),
    refuse(libc::SYS_open_tree, NAMESPACE),
    refuse(libc::SYS_move_mount, NAMESPACE),
    refuse(libc::SYS_fsopen, NAMESPACE),
    refuse(libc::SYS_fsconfig, NAMESPACE),
    refuse(libc::SYS_fsmount, NAMESPACE),
    refuse(libc::SYS_fspick, NAMESPACE),
    refuse(libc::SYS_mount_setattr, NAMESPACE),
    refuse(libc::SYS_init_module, KERNEL),
    refuse(libc::SYS_finit_module, KERNEL),
    refuse(libc::SYS_delete_module, KERNEL),
    refuse(libc::SYS_kexec_load, KERNEL),
    refuse(libc::SYS_kexec_file_load, KERNEL),
    refuse(libc::SYS_bpf, KERNEL),
    refuse(libc::SYS_reboot, MACHINE),
    refuse(libc::SYS_swapon, MACHINE),
    refuse(libc::SYS_swapoff, MACHINE),
    refuse(libc::SYS_acct, MACHINE),
    refuse(libc::SYS_quotactl, MACHINE),
    refuse(libc::SYS_quotactl_fd, MACHINE),
    refuse(libc::SYS_sethostname, MACHINE),
    refuse(libc::SYS_setdomainname, MACHINE),
    refuse(libc::SYS_syslog, "reads the kernel's log"),
    refuse(libc::SYS_vhangup, MACHINE),
    refuse(libc::SYS_nfsservctl, MACHINE),
    refuse(libc::SYS_sync, "makes the host write back all its disks"),
    refuse(libc::SYS_syncfs, "makes the host write back a whole disk"),
    refuse(libc::SYS_settimeofday, CLOCK),
    refuse(libc::SYS_clock_settime, CLOCK),
    refuse(libc::SYS_clock_adjtime, CLOCK),
    refuse(libc::SYS_adjtimex, CLOCK),
    refuse(libc::SYS_add_key, KEYS),
    refuse(libc::SYS_request_key, KEYS),
    refuse(libc::SYS_keyctl, KEYS),
    refuse(libc::SYS_ptrace, OTHERS),
    refuse(libc::SYS_process_vm_readv, OTHERS),
    refuse(libc::SYS_process_vm_writev, OTHERS),
    refuse(libc::SYS_process_madvise, OTHERS),
    refuse(libc::SYS_process_mrelease, OTHERS),
    refuse(libc::SYS_kcmp, OTHERS),
    refuse(libc::SYS_pidfd_getfd, OTHERS),
    refuse(libc::SYS_get_robust_list, OTHERS),
    refuse(libc::SYS_perf_event_open, OBSERVE),
    refuse(libc::SYS_userfaultfd, "holds the kernel still at a fault, which makes its races easy to win"),
    refuse(libc::SYS_fanotify_init, OBSERVE),
    refuse(libc::SYS_fanotify_mark, OBSERVE),
    refuse(libc::SYS_lookup_dcookie, OBSERVE),
    refuse(libc::SYS_name_to_handle_at, HANDLE),
    refuse(libc::SYS_open_by_handle_at, HANDLE),
    refuse(libc::SYS_setuid, WHO),
    refuse(libc::SYS_setgid, WHO),
    refuse(libc::SYS_setreuid, WHO),
    refuse(libc::SYS_setregid, WHO),
    refuse(libc::SYS_setresuid, WHO),
    refuse(libc::SYS_setresgid, WHO),
    refuse(libc::SYS_setfsuid, WHO),
    refuse(libc::SYS_setfsgid, WHO),
    refuse(libc::SYS_setgroups, WHO),
    refuse(libc::SYS_capset, WHO),
    refuse(libc::SYS_shmget, SYSTEM_V),
    refuse(libc::SYS_shmat, SYSTEM_V),
    refuse(libc::SYS_shmdt, SYSTEM_V),
    refuse(libc::SYS_shmctl, SYSTEM_V),
    refuse(libc::SYS_semget, SYSTEM_V),
    refuse(libc::SYS_semop, SYSTEM_V),
    refuse(libc::SYS_semtimedop, SYSTEM_V),
    refuse(libc::SYS_semctl, SYSTEM_V),
    refuse(libc::SYS_msgget, SYSTEM_V),
    refuse(libc::SYS_msgsnd, SYSTEM_V),
    refuse(libc::SYS_msgrcv, SYSTEM_V),
    refuse(libc::SYS_msgctl, SYSTEM_V),
    refuse(libc::SYS_mq_open, QUEUE),
    refuse(libc::SYS_mq_unlink, QUEUE),
    refuse(libc::SYS_mq_timedsend, QUEUE),
    refuse(libc::SYS_mq_timedreceive, QUEUE),
    refuse(libc::SYS_mq_notify, QUEUE),
    refuse(libc::SYS_mq_getsetattr, QUEUE),
    refuse(libc::SYS_mbind, PLACEMENT),
    refuse(libc::SYS_set_mempolicy, PLACEMENT),
    refuse(libc::SYS_set_mempolicy_home_node, PLACEMENT),
    refuse(libc::SYS_migrate_pages, PLACEMENT),
    refuse(libc::SYS_move_pages, PLACEMENT),
    refuse(libc::SYS_ioprio_get, SCHEDULING),
    refuse(libc::SYS_ioprio_set, SCHEDULING),
    refuse(libc::SYS_sched_setattr, SCHEDULING),
    refuse(libc::SYS_io_setup, ASYNCHRONOUS),
    refuse(libc::SYS_io_destroy, ASYNCHRONOUS),
    refuse(libc::SYS_io_submit, ASYNCHRONOUS),
    refuse(libc::SYS_io_cancel, ASYNCHRONOUS),
    refuse(libc::SYS_io_getevents, ASYNCHRONOUS),
    refuse(libc::SYS_remap_file_pages, ASYNCHRONOUS),
    refuse(libc::SYS_vmsplice, "gives pages of its own to pipes; a long history of faults"),
    refuse(libc::SYS_memfd_secret, SECRET),
];
