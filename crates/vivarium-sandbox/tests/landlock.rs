//! What the second wall around files, sockets and signals refuses.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr)]

mod common;

use std::fs::File;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::Command;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use vivarium_sandbox::{Plan, Sandbox};

/// Runs a script that gets one descriptor of the host's over its control socket, as if one had been
/// left open by mistake.
async fn run_with_leak(sandbox: &Sandbox, plan: Plan, leak: BorrowedFd<'_>) -> common::Run {
    let mut instance = sandbox.spawn(plan).await.unwrap();
    let pipes = instance.take_pipes().unwrap();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let rights = [leak];
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&rights)));
    sendmsg(&pipes.control, &[IoSlice::new(b"x")], &mut ancillary, SendFlags::empty()).unwrap();
    let stdout = tokio::spawn(common::read_all(pipes.stdout));
    let stderr = tokio::spawn(common::read_all(pipes.stderr));
    let exit = instance.wait().await;
    common::Run { exit, stdout: stdout.await.unwrap(), stderr: stderr.await.unwrap() }
}

const RECEIVE: &str = "
import os, socket
leak = socket.recv_fds(socket.socket(fileno=3), 1, 1)[1][0]
def tried(act):
    try: return act()
    except OSError as error: return error.errno
";

#[tokio::test]
async fn a_leaked_directory_of_the_host_is_of_no_use() {
    let Some(sandbox) = common::sandbox("leaked-directory") else { return };
    let directory = tempfile::tempdir().unwrap();
    let open_to_all = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(directory.path(), open_to_all).unwrap();
    std::fs::write(directory.path().join("secret"), "of the host").unwrap();
    let script = format!(
        "{RECEIVE}
print(tried(lambda: os.open('secret', os.O_RDONLY, dir_fd=leak)))
print(tried(lambda: os.open('new', os.O_WRONLY | os.O_CREAT, dir_fd=leak)))
print(tried(lambda: os.mkdir('new', dir_fd=leak)))
print(tried(lambda: os.symlink('x', 'new', dir_fd=leak)))
print(tried(lambda: os.mkfifo('new', dir_fd=leak)))
print(tried(lambda: os.unlink('secret', dir_fd=leak)))
print(tried(lambda: os.rename('secret', 'new', src_dir_fd=leak, dst_dir_fd=leak)))
print(tried(lambda: os.open('.', os.O_RDONLY, dir_fd=leak)))
print(tried(lambda: os.open('/proc/self/fd/%d/secret' % leak, os.O_RDONLY)))
"
    );
    let leak = File::open(directory.path()).unwrap();
    let run = run_with_leak(&sandbox, common::python(&script), leak.as_fd()).await;
    assert_eq!(run.stdout, "13\n".repeat(9), "{}", run.stderr);
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["secret"]);
    sandbox.close().await;
}

#[tokio::test]
async fn a_leaked_handle_on_a_process_of_the_host_sends_no_signal() {
    let Some(sandbox) = common::sandbox("leaked-process") else { return };
    let mut bystander = Command::new("sleep").arg("60").spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(bystander.id()).unwrap()).unwrap();
    let leak = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    let script = format!(
        "{RECEIVE}
import signal
for number in (0, signal.SIGTERM, signal.SIGKILL):
    print(tried(lambda: signal.pidfd_send_signal(leak, number)) in (1, 22))
"
    );
    let run = run_with_leak(&sandbox, common::python(&script), leak.as_fd()).await;
    assert_eq!(run.stdout, "True\n".repeat(3), "{}", run.stderr);
    assert!(bystander.try_wait().unwrap().is_none(), "the bystander was killed");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    sandbox.close().await;
}

#[tokio::test]
async fn abstract_and_named_sockets_of_the_host_are_not_there() {
    use std::os::linux::net::SocketAddrExt;
    let Some(sandbox) = common::sandbox("host-sockets") else { return };
    let name = format!("vivarium-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    let script = format!(
        "import socket
for target in ('\\0{name}', '/run/systemd/notify', '/var/run/docker.sock'):
    try: socket.socket(socket.AF_UNIX).connect(target); print('connected')
    except OSError as error: print(error.errno)
own = socket.socket(socket.AF_UNIX); own.bind('\\0{name}'); own.listen()
socket.socket(socket.AF_UNIX).connect('\\0{name}'); print('its own works')
"
    );
    let run = common::run(&sandbox, common::python(&script)).await;
    assert_eq!(run.stdout, "111\n2\n2\nits own works\n", "{}", run.stderr);
    sandbox.close().await;
}

/// Each line names what was tried and how it ended.
#[tokio::test]
async fn files_move_within_the_scratch_space_only() {
    let Some(sandbox) = common::sandbox("moves") else { return };
    let script = "
import os
def tried(act):
    try: act(); return 'done'
    except OSError as error: return error.errno
os.makedirs('/tmp/a'); os.makedirs('/tmp/b'); open('/tmp/a/x', 'w').close()
print(tried(lambda: os.rename('/tmp/a/x', '/tmp/b/x')), tried(lambda: os.link('/tmp/b/x', '/tmp/a/y')))
print(tried(lambda: os.rename('/tmp/b/x', '/dev/shm/x')), tried(lambda: os.link('/usr/bin/env', '/tmp/env')))
print(tried(lambda: os.rename('/usr/bin/env', '/tmp/env')), tried(lambda: os.link('/tmp/b/x', '/usr/x')))
print(tried(lambda: os.truncate('/usr/bin/env', 0)), tried(lambda: os.unlink('/usr/bin/env')))
print(tried(lambda: os.truncate('/proc/self/comm', 0)), tried(lambda: os.open('/proc/self/mem', os.O_RDWR)))
print(tried(lambda: os.mknod('/tmp/c', 0o20666, os.makedev(1, 3))), tried(lambda: os.mkfifo('/tmp/fifo')))
";
    let run = common::run(&sandbox, common::python(script)).await;
    let expected = "done done\n18 18\n18 30\n13 30\n30 30\n1 done\n";
    assert_eq!(run.stdout, expected, "{}", run.stderr);
    sandbox.close().await;
}

#[tokio::test]
async fn what_may_not_be_executed_is_not() {
    let Some(sandbox) = common::sandbox("execution") else { return };
    let script = "cp /bin/true /tmp/copy; /tmp/copy; echo $?; cp /bin/true /dev/shm/copy; /dev/shm/copy; echo $?
        /exec/true; echo $?; cp /bin/true /work/copy; /work/copy; echo $?";
    let mut plan = common::shell(script);
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy("/bin/true", directory.path().join("true")).unwrap();
    plan.mounts.push(vivarium_sandbox::Mount::Bind {
        source: directory.path().to_owned(),
        target: "/exec".into(),
        exec: false,
    });
    plan.mounts.push(vivarium_sandbox::Mount::Scratch { target: "/work".into(), mode: 0o700, exec: true });
    let run = common::run(&sandbox, plan).await;
    assert_eq!(run.stdout, "126\n126\n126\n0\n", "{}", run.stderr);
    sandbox.close().await;
}
