//! What an instance sees and may do, asked from within.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod common;

use vivarium_sandbox::Mount;

/// Runs one script and compares all that it prints.
async fn expect(test: &str, script: &str, expected: &str) {
    let Some(sandbox) = common::sandbox(test) else { return };
    let run = common::run(&sandbox, common::python(script)).await;
    assert_eq!((run.stdout.trim_end(), run.stderr.as_str()), (expected, ""));
    sandbox.close().await;
}

#[tokio::test]
async fn the_root_holds_only_what_was_planned() {
    let script = "import os; print(*sorted(os.listdir('/')))";
    expect("root", script, "bin dev lib lib64 proc tmp usr").await;
}

#[tokio::test]
async fn the_devices_are_the_planned_ones_and_work() {
    let script = "
import os
print(*sorted(os.listdir('/dev')))
open('/dev/null', 'w').write('x')
print(open('/dev/zero', 'rb').read(2), len(open('/dev/urandom', 'rb').read(4)))
";
    let expected = "fd full null random shm stderr stdin stdout urandom zero\nb'\\x00\\x00' 4";
    expect("devices", script, expected).await;
}

#[tokio::test]
async fn nothing_but_the_scratch_space_can_be_written() {
    let script = "
import os
def refused(path):
    try: open(path, 'w')
    except OSError as error: return error.errno
print(*[refused(p) for p in ('/x', '/usr/x', '/usr/bin/env', '/dev/x', '/proc/self/comm')])
for act in (lambda: os.chmod('/usr/bin/env', 0o777), lambda: os.chmod('/', 0o777),
            lambda: os.chmod('/dev/null', 0o600), lambda: os.mkdir('/y')):
    try: act(); print('done')
    except OSError as error: print(error.errno)
open('/tmp/x', 'w').write('fine'); print(open('/tmp/x').read(), os.stat('/tmp/x').st_uid)
";
    expect("writes", script, "30 30 30 30 30\n30\n30\n30\n30\nfine 1000").await;
}

#[tokio::test]
async fn no_capability_is_left_and_none_can_come_back() {
    let script = "
for line in open('/proc/self/status'):
    name, value = line.split(':', 1)
    if name.startswith('Cap') or name in ('NoNewPrivs', 'Uid', 'Gid', 'Groups'):
        print(name, *value.split())
";
    let zero = "0000000000000000";
    let expected = format!(
        "Uid 1000 1000 1000 1000\nGid 1000 1000 1000 1000\nGroups\nCapInh {zero}\nCapPrm {zero}\n\
         CapEff {zero}\nCapBnd {zero}\nCapAmb {zero}\nNoNewPrivs 1"
    );
    expect("capabilities", script, &expected).await;
}

#[tokio::test]
async fn there_is_no_way_to_mount_or_to_become_root() {
    let script = "
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
print(libc.mount(b'none', b'/tmp', b'tmpfs', 0, None), ctypes.get_errno())
print(libc.umount2(b'/proc', 2), ctypes.get_errno())
print(libc.sethostname(b'x', 1), ctypes.get_errno())
for act in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]),
            lambda: os.chroot('/tmp'), lambda: os.mknod('/tmp/d', 0o20666, os.makedev(1, 3))):
    try: act(); print('done')
    except OSError as error: print(error.errno)
";
    expect("root-again", script, "-1 1\n-1 1\n-1 1\n1\n1\n1\n1\n1").await;
}

#[tokio::test]
async fn the_network_is_a_loopback_of_its_own() {
    let script = "
import socket
print(socket.if_nameindex())
server = socket.create_server(('127.0.0.1', 0))
print(socket.create_connection(server.getsockname()).getpeername() == server.getsockname())
try: socket.create_connection(('192.0.2.1', 80), 1)
except OSError as error: print(error.errno)
";
    // 101: network is unreachable.
    expect("network", script, "[(1, 'lo')]\nTrue\n101").await;
}

#[tokio::test]
async fn a_listener_of_the_host_is_not_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!(
        "import socket\ntry: socket.create_connection(('127.0.0.1', {port}), 1)\n\
         except ConnectionRefusedError: print('refused')"
    );
    expect("host-port", &script, "refused").await;
}

#[tokio::test]
async fn the_processes_of_the_host_are_invisible() {
    let script = "
import os
print(os.getpid(), [name for name in os.listdir('/proc') if name.isdigit()])
print(sorted(name for name in os.listdir('/proc') if not name.isdigit()))
print(os.getsid(0), os.path.exists('/proc/sys'), os.readlink('/proc/self/root'))
";
    expect("processes", script, "1 ['1']\n['self', 'thread-self']\n1 False /").await;
}

#[tokio::test]
async fn the_mount_table_shows_nothing_of_the_old_root() {
    let script = "
rows = []
for line in open('/proc/self/mountinfo'):
    fields = line.split()
    rows.append((fields[4], 'ro' in fields[5].split(','), 'nosuid' in fields[5]))
for row in sorted(rows): print(*row)
";
    let expected = "\
/ True True
/dev/full True True
/dev/null True True
/dev/random True True
/dev/shm False True
/dev/urandom True True
/dev/zero True True
/proc True True
/tmp False True
/usr True True";
    expect("mountinfo", script, expected).await;
}

#[tokio::test]
async fn exactly_four_descriptors_are_open() {
    let script = "
import os
listing = os.open('/proc/self/fd', os.O_RDONLY)
print(*sorted(int(n) for n in os.listdir(listing) if int(n) != listing and int(n) < 64))
print(os.readlink('/proc/self/fd/0'), os.readlink('/proc/self/fd/3').split(':')[0])
";
    let Some(sandbox) = common::sandbox("descriptors") else { return };
    let run = common::run(&sandbox, common::python(script)).await;
    let mut lines = run.stdout.lines();
    // `os.listdir` of a descriptor duplicates it for the time of the call.
    let open: Vec<_> = lines.next().unwrap().split(' ').take(4).collect();
    assert_eq!(open, ["0", "1", "2", "3"]);
    assert_eq!(lines.next(), Some("/dev/null socket"));
    let shell = common::shell(
        "cd /proc/self/fd; for n in 4 5 6 7 8 9 11 12 13 14 15 16 17; do [ -e /proc/1/fd/$n ] && echo $n; done; echo end",
    );
    assert_eq!(common::run(&sandbox, shell).await.stdout, "end\n");
    sandbox.close().await;
}

#[tokio::test]
async fn the_environment_is_exactly_as_planned() {
    let Some(sandbox) = common::sandbox("environment") else { return };
    let mut plan = common::plan("/usr/bin/env", &[]);
    plan.environment = [("A".to_owned(), "1 = x".to_owned()), ("B".to_owned(), String::new())].into();
    assert_eq!(common::run(&sandbox, plan).await.stdout, "A=1 = x\nB=\n");
    sandbox.close().await;
}

#[tokio::test]
async fn files_links_directory_and_host_name_are_as_planned() {
    let Some(sandbox) = common::sandbox("files") else { return };
    let mut plan = common::shell("cat /etc/a/b; ls -l /etc/a/b | cut -c1-10; pwd; hostname; umask");
    plan.mounts.push(Mount::File { target: "/etc/a/b".into(), contents: "contents\n".into(), mode: 0o444 });
    plan.mounts.push(Mount::Scratch { target: "/home/me".into(), mode: 0o700, exec: false });
    plan.working_directory = "/home/me".into();
    plan.hostname = "cage".into();
    let run = common::run(&sandbox, plan).await;
    assert_eq!(run.stdout, "contents\n-r--r--r--\n/home/me\ncage\n0022\n", "{}", run.stderr);
    sandbox.close().await;
}

#[tokio::test]
async fn a_source_below_a_closed_directory_is_shown_and_its_parent_is_not() {
    use std::os::unix::fs::PermissionsExt;
    let Some(sandbox) = common::sandbox("closed") else { return };
    let directory = tempfile::tempdir().unwrap();
    let open = directory.path().join("closed/open");
    std::fs::create_dir_all(&open).unwrap();
    std::fs::write(open.join("file"), "seen").unwrap();
    let closed = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(directory.path().join("closed"), closed).unwrap();
    let mut plan = common::shell("cat /data/file /one; ls /data/..");
    for (source, target) in [(open.clone(), "/data"), (open.join("file"), "/one")] {
        plan.mounts.push(Mount::Bind { source, target: target.into(), exec: false });
    }
    let run = common::run(&sandbox, plan).await;
    let expected = "seenseenbin\ndata\ndev\nlib\nlib64\none\nproc\ntmp\nusr\n";
    assert_eq!(run.stdout, expected, "{}", run.stderr);
    sandbox.close().await;
}

#[tokio::test]
async fn signals_have_their_defaults() {
    let Some(sandbox) = common::sandbox("signals") else {
        return;
    };
    let args = ["-E", "^Sig(Blk|Ign)", "/proc/self/status"];
    let run = common::run(&sandbox, common::plan("/bin/grep", &args)).await;
    let zero = "0000000000000000";
    assert_eq!(run.stdout, format!("SigBlk:\t{zero}\nSigIgn:\t{zero}\n"));
    sandbox.close().await;
}

#[tokio::test]
async fn resource_limits_hold() {
    let script = "
import resource as r
for name in ('CORE', 'NOFILE', 'STACK', 'FSIZE', 'MSGQUEUE'):
    print(name, *r.getrlimit(getattr(r, 'RLIMIT_' + name, 12)))
";
    let Some(sandbox) = common::sandbox("rlimits") else { return };
    let mut plan = common::plan("/usr/bin/python3", &["-I", "-c", script]);
    plan.limits.file_size_bytes = Some(4096);
    let run = common::run(&sandbox, plan).await;
    let expected = "CORE 0 0\nNOFILE 256 256\nSTACK 8388608 8388608\nFSIZE 4096 4096\nMSGQUEUE 0 0\n";
    assert_eq!(run.stdout, expected, "{}", run.stderr);
    sandbox.close().await;
}

#[tokio::test]
async fn instances_have_distinct_ids_on_the_host() {
    let Some(sandbox) = common::sandbox("ids") else { return };
    let first = sandbox.spawn(common::shell("read never < /dev/zero")).await.unwrap();
    let second = sandbox.spawn(common::shell("read never < /dev/zero")).await.unwrap();
    let (one, two) = (first.host_uid().unwrap(), second.host_uid().unwrap());
    assert_ne!(one, two);
    assert_eq!(common::processes_of(one).len(), 1);
    assert_eq!(common::processes_of(two).len(), 1);
    drop((first, second));
    sandbox.settled().await;
    assert!(common::processes_of(one).is_empty());
    sandbox.close().await;
}
