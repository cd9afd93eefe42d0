//! Birth, end and what stays behind.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use vivarium_sandbox::{ExitStatus, Sandbox};

#[tokio::test]
async fn output_and_code_arrive() {
    let Some(sandbox) = common::sandbox("output") else { return };
    let run = common::run(&sandbox, common::shell("echo out; echo err >&2; exit 3")).await;
    assert_eq!((run.stdout.as_str(), run.stderr.as_str(), run.code()), ("out\n", "err\n", 3));
    assert!(!run.exit.oom_killed && !run.exit.killed && !run.exit.process_limit_hit);
    sandbox.close().await;
}

#[tokio::test]
async fn a_signal_is_told_as_such() {
    let Some(sandbox) = common::sandbox("segv") else { return };
    let run = common::run(&sandbox, common::python("import ctypes; ctypes.string_at(0)")).await;
    assert_eq!(run.exit.status, ExitStatus::Signal(11));
    sandbox.close().await;
}

#[tokio::test]
async fn the_control_socket_speaks_both_ways() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let Some(sandbox) = common::sandbox("control") else { return };
    let script = "import socket; s = socket.socket(fileno=3); s.sendall(s.recv(9).upper())";
    let plan = common::plan("/usr/bin/python3", &["-I", "-c", script]);
    let mut instance = sandbox.spawn(plan).await.unwrap();
    let control = instance.take_pipes().unwrap().control;
    let control = std::os::unix::net::UnixStream::from(control);
    let mut control = tokio::net::UnixStream::from_std(control).unwrap();
    control.write_all(b"hello").await.unwrap();
    let mut answer = String::new();
    control.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "HELLO");
    assert_eq!(instance.wait().await.status, ExitStatus::Code(0));
    sandbox.close().await;
}

#[tokio::test]
async fn kill_ends_grandchildren_and_daemons() {
    let Some(sandbox) = common::sandbox("kill") else { return };
    let script = "
import os, signal
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for s in range(1, 32):
                try: signal.signal(s, signal.SIG_IGN)
                except OSError: pass
            os.write(1, b'up\\n')
            while True: signal.pause()
        os._exit(0)
while True: signal.pause()
";
    let mut instance = sandbox.spawn(common::python(script)).await.unwrap();
    let uid = instance.host_uid().unwrap();
    let pipes = instance.take_pipes().unwrap();
    let mut stdout = tokio::net::unix::pipe::Receiver::from_owned_fd(pipes.stdout).unwrap();
    for _ in 0..3 {
        assert_eq!(common::read_line(&mut stdout).await, "up");
    }
    instance.kill();
    instance.kill();
    let exit = instance.wait().await;
    assert_eq!((exit.status, exit.killed), (ExitStatus::Signal(9), true));
    assert!(common::processes_of(uid).is_empty());
    instance.kill();
    assert_eq!(instance.wait().await, exit);
    sandbox.close().await;
}

#[tokio::test]
async fn waiting_does_not_depend_on_the_pipes() {
    let Some(sandbox) = common::sandbox("pipes") else { return };
    // The daemon holds the pipes open; it ends with the first process nevertheless.
    let plan = common::shell("while :; do :; done & exit 0");
    let mut instance = sandbox.spawn(plan).await.unwrap();
    assert_eq!(instance.wait().await.status, ExitStatus::Code(0));
    sandbox.close().await;
}

#[tokio::test]
async fn dropping_an_instance_cleans_it_up() {
    let Some(sandbox) = common::sandbox("drop") else { return };
    let instance = sandbox.spawn(common::shell("while :; do :; done")).await.unwrap();
    let uid = instance.host_uid().unwrap();
    assert_eq!(sandbox.live(), 1);
    drop(instance);
    sandbox.settled().await;
    assert!(common::processes_of(uid).is_empty());
    sandbox.close().await;
}

/// Everything of the host that an instance could leave changed.
#[derive(Debug, PartialEq)]
struct Traces {
    mounts: usize,
    descriptors: usize,
    children: Vec<String>,
}

fn traces() -> Traces {
    let pid = std::process::id();
    let children = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.to_owned();
        (parent == pid.to_string()).then(|| entry.file_name().to_string_lossy().into_owned())
    });
    Traces {
        mounts: std::fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count(),
        descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
        children: children.collect(),
    }
}

/// Directories of this server's name anywhere in the cgroup trees.
fn cgroups(name: &str) -> usize {
    let pattern = format!("find /sys/fs/cgroup -path '*/{name}/*' -type d | wc -l");
    let found = Command::new("/bin/sh").args(["-c", &pattern]).output().unwrap();
    String::from_utf8(found.stdout).unwrap().trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_instances_leave_nothing_behind() {
    let Some(sandbox) = common::sandbox("many") else { return };
    let name = common::settings("many").name;
    common::run(&sandbox, common::shell("exit")).await;
    sandbox.settled().await;
    let before = traces();
    for _ in 0..200 {
        assert_eq!(common::run(&sandbox, common::plan("/bin/true", &[])).await.code(), 0);
    }
    let parallel: Vec<_> = (0..32).map(|_| tokio::spawn(one_of_many(sandbox.clone()))).collect();
    let mut uids = std::collections::BTreeSet::new();
    for task in parallel {
        uids.insert(task.await.unwrap());
    }
    assert_eq!(uids.len(), 32, "an id was used twice at once or at short distance");
    sandbox.settled().await;
    assert_eq!((sandbox.live(), cgroups(&name)), (0, 0));
    assert_eq!(traces(), before);
    assert!(uids.into_iter().all(|uid| common::processes_of(uid).is_empty()));
    sandbox.close().await;
}

async fn one_of_many(sandbox: Sandbox) -> u32 {
    let instance = sandbox.spawn(common::shell("echo $$")).await.unwrap();
    let uid = instance.host_uid().unwrap();
    assert_eq!(common::finish(instance).await.stdout, "1\n");
    uid
}

const SERVER_ROLE: &str = "VIVARIUM_SANDBOX_TEST_SERVER";

/// Not a test of its own: the server that the next test kills.
#[tokio::test]
async fn role_of_a_server_to_be_killed() {
    let Ok(name) = std::env::var(SERVER_ROLE) else { return };
    let mut settings = common::settings("role");
    settings.name = name;
    let sandbox = Sandbox::new(settings).unwrap();
    let script = "
import ctypes, signal
# What hostile code would do: forget the parent-death signal.
ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
print('up', flush=True)
while True: signal.pause()
";
    let plan = common::plan("/usr/bin/python3", &["-I", "-c", script]);
    let mut instance = sandbox.spawn(plan).await.unwrap();
    let stdout = instance.take_pipes().unwrap().stdout;
    let mut stdout = tokio::net::unix::pipe::Receiver::from_owned_fd(stdout).unwrap();
    assert_eq!(common::read_line(&mut stdout).await, "up");
    eprintln!("\nserver up {}", instance.host_uid().unwrap());
    instance.wait().await;
}

/// Even when the test fails.
struct KilledOnDrop(Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn the_servers_death_ends_its_instances_and_the_next_one_cleans_up() {
    let Some(sandbox) = common::sandbox("killed") else { return };
    let name = common::settings("killed").name;
    let server = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "role_of_a_server_to_be_killed", "--nocapture"])
        .env(SERVER_ROLE, &name)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut server = KilledOnDrop(server.unwrap());
    let stderr = BufReader::new(server.0.stderr.take().unwrap());
    let line = stderr.lines().map(Result::unwrap).find(|line| line.starts_with("server up"));
    let uid: u32 = line.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap();
    let inside = common::processes_of(uid);
    assert_eq!(inside.len(), 1);
    let pid = Pid::from_raw(inside[0].try_into().unwrap()).unwrap();
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    drop(server);
    poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], None).unwrap();
    assert!(cgroups(&name) > 0);
    let leftovers = sandbox.remove_leftovers().unwrap();
    assert!(leftovers.cgroups > 0, "{leftovers:?}");
    assert_eq!(cgroups(&name), 0);
    sandbox.close().await;
}

#[tokio::test]
async fn leftovers_with_living_processes_are_ended_and_removed() {
    let Some(sandbox) = common::sandbox("leftovers") else { return };
    let plan = common::shell("while :; do :; done");
    let mut instance = sandbox.spawn(plan).await.unwrap();
    let leftovers = sandbox.remove_leftovers().unwrap();
    assert_eq!(leftovers.processes, 1);
    assert_eq!(instance.wait().await.status, ExitStatus::Signal(9));
    assert_eq!(cgroups(&common::settings("leftovers").name), 0);
    sandbox.close().await;
}
