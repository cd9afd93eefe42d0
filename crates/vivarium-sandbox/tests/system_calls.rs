//! T14: every system call of the filter's layer that must not work, made for real.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr)]

mod common;

use libc::{ENOSYS, EPERM, c_long};
use serde_json::{Value, json};
use vivarium_sandbox::{Sandbox, Theme};

const CALLS: &str = include_str!("payloads/calls.py");

struct Case {
    name: &'static str,
    number: c_long,
    arguments: Value,
    errno: i32,
}

fn refused(name: &'static str, number: c_long, arguments: Value) -> Case {
    Case { name, number, arguments, errno: EPERM }
}

fn absent(name: &'static str, number: c_long, arguments: Value) -> Case {
    Case { name, number, arguments, errno: ENOSYS }
}

/// A descriptor that is not open: were the call allowed, the answer would be EBADF.
const NONE: u64 = 1000;

/// `AT_FDCWD`.
const HERE: u64 = (-100_i64).cast_unsigned();

fn namespaces() -> Vec<Case> {
    let flags: [(&str, &str, u64); 7] = [
        ("unshare mount", "clone mount", 0x0002_0000),
        ("unshare cgroup", "clone cgroup", 0x0200_0000),
        ("unshare uts", "clone uts", 0x0400_0000),
        ("unshare ipc", "clone ipc", 0x0800_0000),
        ("unshare user", "clone user", 0x1000_0000),
        ("unshare pid", "clone pid", 0x2000_0000),
        ("unshare net", "clone net", 0x4000_0000),
    ];
    let mut cases = vec![
        refused("unshare nothing", libc::SYS_unshare, json!([0])),
        refused("unshare time", libc::SYS_unshare, json!([0x80])),
        refused("clone user with a thread", libc::SYS_clone, json!([0x1000_0000 | 0x3d_0f00])),
        refused("clone user behind high bits", libc::SYS_clone, json!([0xffff_ffff_1000_0011_u64])),
        absent("clone3", libc::SYS_clone3, json!(["\u{0}", 88])),
        refused("setns", libc::SYS_setns, json!([NONE, 0])),
    ];
    for (unshare, clone, flag) in flags {
        cases.push(refused(unshare, libc::SYS_unshare, json!([flag])));
        cases.push(refused(clone, libc::SYS_clone, json!([flag | 17])));
    }
    cases
}

fn mounts() -> Vec<Case> {
    vec![
        refused("mount", libc::SYS_mount, json!(["none", "/tmp", "tmpfs", 0, 0])),
        refused("bind mount", libc::SYS_mount, json!(["/usr", "/tmp", "", 4096, 0])),
        refused("umount2", libc::SYS_umount2, json!(["/tmp", 2])),
        refused("pivot_root", libc::SYS_pivot_root, json!(["/tmp", "/tmp"])),
        refused("chroot", libc::SYS_chroot, json!(["/tmp"])),
        refused("open_tree", libc::SYS_open_tree, json!([NONE, "/usr", 1])),
        refused("move_mount", libc::SYS_move_mount, json!([NONE, "", NONE, "", 0])),
        refused("fsopen", libc::SYS_fsopen, json!(["tmpfs", 0])),
        refused("fsconfig", libc::SYS_fsconfig, json!([NONE, 6, 0, 0, 0])),
        refused("fsmount", libc::SYS_fsmount, json!([NONE, 0, 0])),
        refused("fspick", libc::SYS_fspick, json!([NONE, "/usr", 0])),
        refused("mount_setattr", libc::SYS_mount_setattr, json!([NONE, "", 0, 0, 0])),
        refused("name_to_handle_at", libc::SYS_name_to_handle_at, json!([NONE, "/usr", 0, 0, 0])),
        refused("open_by_handle_at", libc::SYS_open_by_handle_at, json!([NONE, 0, 0])),
        refused("character device", libc::SYS_mknodat, json!([HERE, "/tmp/c", 0o020_666, 0x103])),
        refused("block device", libc::SYS_mknodat, json!([HERE, "/tmp/b", 0o060_666, 0x800])),
        refused("whiteout", libc::SYS_mknodat, json!([HERE, "/tmp/w", 0o020_000, 0])),
    ]
}

fn kernel() -> Vec<Case> {
    vec![
        refused("bpf", libc::SYS_bpf, json!([0, 0, 0])),
        refused("perf_event_open", libc::SYS_perf_event_open, json!([0, 0, 0, 0, 0])),
        refused("userfaultfd", libc::SYS_userfaultfd, json!([1])),
        refused("fanotify_init", libc::SYS_fanotify_init, json!([0x200, 0])),
        refused("init_module", libc::SYS_init_module, json!([0, 0, ""])),
        refused("finit_module", libc::SYS_finit_module, json!([NONE, "", 0])),
        refused("delete_module", libc::SYS_delete_module, json!(["x", 0])),
        refused("kexec_load", libc::SYS_kexec_load, json!([0, 0, 0, 0])),
        refused("kexec_file_load", libc::SYS_kexec_file_load, json!([NONE, NONE, 0, "", 0])),
        refused("reboot", libc::SYS_reboot, json!([0, 0, 0, 0])),
        refused("swapon", libc::SYS_swapon, json!(["/tmp/x", 0])),
        refused("swapoff", libc::SYS_swapoff, json!(["/tmp/x"])),
        refused("acct", libc::SYS_acct, json!(["/tmp/x"])),
        refused("quotactl", libc::SYS_quotactl, json!([0x8000_0100_u64, "", 0, 0])),
        refused("syslog", libc::SYS_syslog, json!([10, 0, 0])),
        refused("sethostname", libc::SYS_sethostname, json!(["x", 1])),
        refused("setdomainname", libc::SYS_setdomainname, json!(["x", 1])),
        refused("settimeofday", libc::SYS_settimeofday, json!([0, 0])),
        refused("clock_settime", libc::SYS_clock_settime, json!([0, 0])),
        refused("clock_adjtime", libc::SYS_clock_adjtime, json!([0, 0])),
        refused("adjtimex", libc::SYS_adjtimex, json!([0])),
        refused("sync", libc::SYS_sync, json!([])),
        refused("vhangup", libc::SYS_vhangup, json!([])),
        refused("personality without random layout", libc::SYS_personality, json!([0x0004_0000])),
        refused("personality of another system", libc::SYS_personality, json!([0x0008])),
        absent("io_uring_setup", libc::SYS_io_uring_setup, json!([1, 0])),
        absent("io_uring_enter", libc::SYS_io_uring_enter, json!([NONE, 0, 0, 0, 0, 0])),
        absent("io_uring_register", libc::SYS_io_uring_register, json!([NONE, 0, 0, 0])),
        absent("seccomp", libc::SYS_seccomp, json!([2, 0, 0])),
        absent("landlock_create_ruleset", libc::SYS_landlock_create_ruleset, json!([0, 0, 1])),
        absent("a call of a later kernel", 1000, json!([])),
        refused("io_setup", libc::SYS_io_setup, json!([1, 0])),
        refused("vmsplice", libc::SYS_vmsplice, json!([NONE, 0, 0, 0])),
        refused("memfd_secret", libc::SYS_memfd_secret, json!([0])),
    ]
}

fn processes() -> Vec<Case> {
    vec![
        refused("add_key", libc::SYS_add_key, json!(["user", "x", "y", 1, 0xffff_fffc_u64])),
        refused("request_key", libc::SYS_request_key, json!(["user", "x", 0, 0])),
        refused("keyctl", libc::SYS_keyctl, json!([0, 0xffff_fffd_u64, 0])),
        refused("ptrace", libc::SYS_ptrace, json!([0, 0, 0, 0])),
        refused("process_vm_readv", libc::SYS_process_vm_readv, json!([1, 0, 0, 0, 0, 0])),
        refused("process_vm_writev", libc::SYS_process_vm_writev, json!([1, 0, 0, 0, 0, 0])),
        refused("kcmp", libc::SYS_kcmp, json!([1, 1, 0, 0, 0])),
        refused("pidfd_getfd", libc::SYS_pidfd_getfd, json!([NONE, 0, 0])),
        refused("setuid", libc::SYS_setuid, json!([1000])),
        refused("setresgid", libc::SYS_setresgid, json!([1000, 1000, 1000])),
        refused("setgroups", libc::SYS_setgroups, json!([0, 0])),
        refused("capset", libc::SYS_capset, json!([0, 0])),
        refused("shmget", libc::SYS_shmget, json!([0, 4096, 0o1600])),
        refused("semget", libc::SYS_semget, json!([0, 1, 0o1600])),
        refused("msgget", libc::SYS_msgget, json!([0, 0o1600])),
        refused("mq_open", libc::SYS_mq_open, json!(["x", 0o102, 0o600, 0])),
        refused("mbind", libc::SYS_mbind, json!([0, 4096, 0, 0, 0, 0])),
        refused("migrate_pages", libc::SYS_migrate_pages, json!([0, 0, 0, 0])),
        refused("ioprio_set", libc::SYS_ioprio_set, json!([1, 0, 0])),
        refused("sched_setattr", libc::SYS_sched_setattr, json!([0, 0, 0])),
        refused("PR_SET_PDEATHSIG", libc::SYS_prctl, json!([1, 0])),
        refused("PR_SET_KEEPCAPS", libc::SYS_prctl, json!([8, 1])),
        refused("PR_SET_SECCOMP", libc::SYS_prctl, json!([22, 2, 0])),
        refused("PR_CAPBSET_DROP", libc::SYS_prctl, json!([24, 0])),
        refused("PR_SET_SECUREBITS", libc::SYS_prctl, json!([28, 0])),
        refused("PR_SET_MM", libc::SYS_prctl, json!([35, 1, 0])),
        refused("PR_SET_CHILD_SUBREAPER", libc::SYS_prctl, json!([36, 1])),
        refused("PR_CAP_AMBIENT", libc::SYS_prctl, json!([47, 2, 0])),
        refused("PR_SET_PTRACER", libc::SYS_prctl, json!([0x5961_6d61, 1])),
    ]
}

fn requests() -> Vec<Case> {
    let request = |name, value: u64| refused(name, libc::SYS_ioctl, json!([NONE, value, 0]));
    vec![
        request("TIOCSTI", 0x5412),
        request("TIOCSTI behind high bits", 0x1_0000_5412),
        request("TIOCLINUX", 0x541c),
        request("TIOCCONS", 0x541d),
        request("TIOCSETD", 0x5423),
        request("TIOCSCTTY", 0x540e),
        request("TIOCSPGRP", 0x5410),
        request("TIOCSWINSZ", 0x5414),
        request("TCSETS", 0x5402),
        request("SIOCSIFFLAGS", 0x8914),
        request("SIOCSIFADDR", 0x8916),
        request("SIOCADDRT", 0x890b),
        request("TUNSETIFF", 0x4004_54ca),
        request("FS_IOC_SETFLAGS", 0x4008_6602),
        request("FIFREEZE", 0xc004_5877),
        request("FICLONE", 0x4004_9409),
        request("BLKROSET", 0x125d),
    ]
}

fn sockets() -> Vec<Case> {
    let socket =
        |name, family: u64, kind: u64, protocol: u64| refused(name, libc::SYS_socket, json!([family, kind, protocol]));
    let option =
        |name, level: u64, option: u64| refused(name, libc::SYS_setsockopt, json!([NONE, level, option, "", 4]));
    vec![
        socket("AF_KEY", 15, 3, 2),
        socket("AF_PACKET", 17, 3, 0),
        socket("AF_RDS", 21, 5, 0),
        socket("AF_PPPOX", 24, 1, 0),
        socket("AF_CAN", 29, 3, 1),
        socket("AF_TIPC", 30, 4, 0),
        socket("AF_BLUETOOTH", 31, 3, 0),
        socket("AF_ALG", 38, 5, 0),
        socket("AF_VSOCK", 40, 1, 0),
        socket("AF_KCM", 41, 5, 0),
        socket("AF_SMC", 43, 1, 0),
        socket("AF_XDP", 44, 3, 0),
        socket("raw IPv4", 2, 3, 1),
        socket("raw IPv6", 10, 3, 58),
        socket("SCTP", 2, 1, 132),
        socket("MPTCP", 2, 1, 262),
        socket("UDP-Lite", 2, 2, 136),
        socket("netlink SOCK_DIAG", 16, 3, 4),
        socket("netlink XFRM", 16, 3, 6),
        socket("netlink AUDIT", 16, 3, 9),
        socket("netlink CONNECTOR", 16, 3, 11),
        socket("netlink NETFILTER", 16, 3, 12),
        socket("netlink KOBJECT_UEVENT", 16, 3, 15),
        socket("netlink GENERIC", 16, 3, 16),
        refused("socketpair of AF_TIPC", libc::SYS_socketpair, json!([30, 4, 0, 0])),
        option("SO_ATTACH_FILTER", 1, 26),
        option("SO_ATTACH_BPF", 1, 50),
        option("TCP_ULP", 6, 31),
        option("SOL_ALG", 279, 1),
        option("SOL_PACKET", 263, 1),
    ]
}

#[cfg(target_arch = "x86_64")]
fn of_this_architecture() -> Vec<Case> {
    vec![
        refused("iopl", libc::SYS_iopl, json!([3])),
        refused("ioperm", libc::SYS_ioperm, json!([0, 1, 1])),
        refused("modify_ldt", libc::SYS_modify_ldt, json!([0, 0, 0])),
        refused("uselib", libc::SYS_uselib, json!(["x"])),
        refused("mknod", libc::SYS_mknod, json!(["/tmp/c", 0o020_666, 0x103])),
        refused("_sysctl", libc::SYS__sysctl, json!([0])),
        refused("ustat", libc::SYS_ustat, json!([0, 0])),
    ]
}

#[cfg(not(target_arch = "x86_64"))]
fn of_this_architecture() -> Vec<Case> {
    Vec::new()
}

async fn make(sandbox: &Sandbox, cases: &[Case]) -> Vec<i32> {
    let calls: Vec<_> = cases.iter().map(|case| json!([case.number, case.arguments])).collect();
    let mut plan = common::python(CALLS);
    plan.args.push(Value::from(calls).to_string());
    let run = common::run(sandbox, plan).await;
    assert_eq!(run.code(), 0, "{}", run.stderr);
    run.stdout.lines().map(|line| line.parse().unwrap()).collect()
}

async fn expect(test: &str, cases: Vec<Case>) {
    let Some(sandbox) = common::sandbox(test) else { return };
    let errnos = make(&sandbox, &cases).await;
    assert_eq!(errnos.len(), cases.len());
    let wrong: Vec<_> = cases
        .iter()
        .zip(&errnos)
        .filter(|(case, errno)| case.errno != **errno)
        .map(|(case, errno)| format!("{}: errno {errno}, expected {}", case.name, case.errno))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    sandbox.close().await;
}

#[tokio::test]
async fn no_namespace_can_be_made_or_entered() {
    expect("t14-namespaces", namespaces()).await;
}

#[tokio::test]
async fn no_mount_device_or_handle_can_be_made() {
    expect("t14-mounts", mounts()).await;
}

#[tokio::test]
async fn nothing_of_kernel_or_machine_can_be_changed() {
    expect("t14-kernel", kernel()).await;
}

#[tokio::test]
async fn no_other_process_key_or_identity_can_be_had() {
    expect("t14-processes", processes()).await;
}

#[tokio::test]
async fn no_dangerous_request_reaches_a_device() {
    expect("t14-requests", requests()).await;
}

#[tokio::test]
async fn no_socket_beyond_unix_tcp_and_udp_can_be_made() {
    expect("t14-sockets", sockets()).await;
}

#[tokio::test]
async fn nothing_special_of_this_architecture_can_be_called() {
    expect("t14-architecture", of_this_architecture()).await;
}

#[test]
fn the_list_of_refused_calls_is_long_enough() {
    let lists = [namespaces(), mounts(), kernel(), processes(), requests(), sockets(), of_this_architecture()];
    let cases: usize = lists.iter().map(Vec::len).sum();
    assert!(cases >= 140, "{cases}");
}

/// In a child and as the first process, which the kernel protects from most signals.
#[cfg(target_arch = "x86_64")]
#[tokio::test]
async fn the_doors_of_other_architectures_kill() {
    let Some(sandbox) = common::sandbox("t14-doors") else { return };
    // mov eax, 20; int 0x80; ret: getpid of i386.
    let i386 = "
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=7)
code.write(bytes.fromhex('b814000000cd80c3'))
call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
";
    let x32 = "
import ctypes
call = lambda: ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 | 39))
";
    for door in [i386, x32] {
        let first = common::run(&sandbox, common::python(&format!("{door}call()"))).await;
        assert_eq!(first.exit.status, vivarium_sandbox::ExitStatus::Signal(libc::SIGSYS), "{}", first.stderr);
        let child = format!(
            "{door}
import os
if os.fork() == 0:
    call(); os._exit(0)
print(os.waitstatus_to_exitcode(os.wait()[1]))"
        );
        let run = common::run(&sandbox, common::python(&child)).await;
        assert_eq!(run.stdout, format!("-{}\n", libc::SIGSYS), "{}", run.stderr);
    }
    sandbox.close().await;
}

#[tokio::test]
async fn a_sibling_cannot_be_traced() {
    let script = "
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
sibling = os.fork()
if sibling == 0:
    signal.pause()
for request in (16, 0x4206):  # PTRACE_ATTACH, PTRACE_SEIZE
    print(libc.ptrace(request, sibling, None, None), ctypes.get_errno())
os.kill(sibling, 9)
";
    let Some(sandbox) = common::sandbox("t14-sibling") else { return };
    let run = common::run(&sandbox, common::python(script)).await;
    assert_eq!(run.stdout, "-1 1\n-1 1\n", "{}", run.stderr);
    sandbox.close().await;
}

#[tokio::test]
async fn the_usual_programs_make_no_namespace() {
    let Some(sandbox) = common::sandbox("t14-programs") else { return };
    let script = "unshare -Ur true; echo $?; unshare -rm true; echo $?; unshare -rn true; echo $?";
    let run = common::run(&sandbox, common::shell(script)).await;
    assert_eq!(run.stdout, "1\n1\n1\n", "{}", run.stderr);
    assert_eq!(run.stderr.matches("Operation not permitted").count(), 3, "{}", run.stderr);
    sandbox.close().await;
}

#[tokio::test]
async fn children_and_executed_programs_are_filtered_too() {
    let script = "
import os, subprocess, sys
probe = 'import ctypes; print(ctypes.CDLL(None, use_errno=True).unshare(0), ctypes.get_errno())'
print(subprocess.run([sys.executable, '-IS', '-c', probe], capture_output=True, text=True).stdout, end='')
print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('Seccomp')])
";
    let Some(sandbox) = common::sandbox("t14-children") else { return };
    let run = common::run(&sandbox, common::python(script)).await;
    assert_eq!(run.stdout, "-1 1\n2 1\n", "{}", run.stderr);
    sandbox.close().await;
}

#[tokio::test]
async fn a_plan_can_do_without_sockets_and_processes() {
    let Some(sandbox) = common::sandbox("t14-themes") else { return };
    let script = "
import os, socket, threading
for act in (lambda: socket.socket(), lambda: os.fork()):
    try: act(); print('done')
    except OSError as error: print(error.errno)
thread = threading.Thread(target=print, args=['a thread']); thread.start(); thread.join()
";
    let mut plan = common::python(script);
    plan.system_calls.remove(&Theme::Sockets);
    plan.system_calls.remove(&Theme::Processes);
    let run = common::run(&sandbox, plan).await;
    assert_eq!(run.stdout, "1\n1\na thread\n", "{}", run.stderr);
    let mut plan = common::plan("/bin/true", &[]);
    plan.system_calls = [Theme::Program].into();
    assert_eq!(common::run(&sandbox, plan).await.code(), 0);
    sandbox.close().await;
}
