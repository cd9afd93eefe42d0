//! Zygotes: what they fork is an instance like any other, and one that cheats gets nothing to run.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr)]

mod common;

use std::io::Write;
use std::os::fd::OwnedFd;
use std::time::Duration;

use common::{sandbox, settings};
use rstest::rstest;
use vivarium_sandbox::{Cell, ExitStatus, Instance, Limits, Mount, Plan, Sandbox, SandboxError, Scratch, Zygote};

const ZYGOTE: &str = include_str!("payloads/zygote.py");

fn plan(cheat: &str) -> Plan {
    let mut plan = common::plan("/usr/bin/python3", &["-I", "-S", "-B", "/zygote.py", cheat]);
    plan.mounts.push(Mount::File { target: "/zygote.py".into(), contents: ZYGOTE.to_owned(), mode: 0o444 });
    plan
}

fn cell() -> Cell {
    Cell { scratch: Scratch::default(), limits: Limits::default() }
}

/// `None`, loudly, where Python or a layer is missing.
async fn zygote(test: &str, cheat: &str) -> Option<(Sandbox, Zygote)> {
    if !std::path::Path::new("/usr/bin/python3").exists() {
        eprintln!("skipped: no /usr/bin/python3");
        return None;
    }
    let sandbox = sandbox(test)?;
    let zygote = sandbox.zygote(plan(cheat)).await.unwrap();
    Some((sandbox, zygote))
}

/// Forks an instance and gives it a word.
async fn forked(zygote: &Zygote, word: &str) -> (Instance, vivarium_sandbox::Pipes) {
    let mut instance = zygote.fork(cell()).await.unwrap();
    let pipes = instance.take_pipes().unwrap();
    write(&pipes.control, word);
    (instance, pipes)
}

fn write(control: &OwnedFd, word: &str) {
    let mut control = std::os::unix::net::UnixStream::from(control.try_clone().unwrap());
    control.write_all(word.as_bytes()).unwrap();
}

async fn end(sandbox: Sandbox, zygote: Zygote) {
    drop(zygote);
    tokio::time::timeout(Duration::from_secs(10), sandbox.close()).await.unwrap();
}

#[tokio::test]
async fn forks_are_instances_that_see_nothing_of_each_other() {
    let Some((sandbox, zygote)) = zygote("forks", "").await else { return };
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let mut instance = zygote.fork(cell()).await.unwrap();
        ids.insert(instance.host_uid());
        let pipes = instance.take_pipes().unwrap();
        write(&pipes.control, "end");
        let out = common::read_all(pipes.stdout).await;
        assert!(out.starts_with("2 1000 [] ['0', '1', '2', '3']\n"), "{out}");
        assert!(out.contains("CapEff:\\t0000000000000000") && out.contains("NoNewPrivs:\\t1"), "{out}");
        assert_eq!(instance.wait().await.status, ExitStatus::Code(7));
    }
    assert_eq!(ids.len(), 3, "an id of its own for each");
    end(sandbox, zygote).await;
}

#[rstest]
#[case::capabilities("capabilities")]
#[case::only_the_bounding_set("empty the bounding set")]
#[case::the_filter("seccomp")]
#[case::the_user("change the user id")]
#[case::the_group("change the group id")]
#[case::the_mount_namespace("namespace 131072")]
#[case::the_network_namespace("namespace 1073741824")]
#[case::the_ipc_namespace("namespace 134217728")]
#[case::the_pid_namespace("namespace 536870912")]
#[case::a_descriptor_more("descriptor")]
#[case::the_number_of_another("another pid")]
#[case::words("gibberish")]
#[case::a_flood_of_words("flood")]
#[case::death("die")]
#[tokio::test]
async fn one_that_is_not_locked_in_gets_nothing_to_run(#[case] cheat: &str) {
    let test = format!("cheat-{}", cheat.replace(' ', "-"));
    let Some((sandbox, zygote)) = zygote(&test, cheat).await else { return };
    let error = zygote.fork(cell()).await.err().unwrap();
    assert!(matches!(error, SandboxError::Fault(_)), "{error}");
    tokio::time::timeout(Duration::from_secs(10), sandbox.settled()).await.unwrap();
    end(sandbox, zygote).await;
}

#[tokio::test]
async fn a_zygote_that_hangs_is_given_up_and_leaves_nothing() {
    let mut settings = settings("hanging-zygote");
    settings.start_timeout = Duration::from_millis(500);
    let Ok(sandbox) = Sandbox::new(settings) else {
        eprintln!("skipped: no sandbox on this host");
        return;
    };
    let zygote = sandbox.zygote(plan("hang")).await.unwrap();
    assert!(matches!(zygote.fork(cell()).await, Err(SandboxError::Silent(_))));
    tokio::time::timeout(Duration::from_secs(10), sandbox.settled()).await.unwrap();
    end(sandbox, zygote).await;
}

#[tokio::test]
async fn what_was_forked_outlives_the_zygote() {
    let Some((sandbox, zygote)) = zygote("outlive", "").await else { return };
    let mut instance = zygote.fork(cell()).await.unwrap();
    drop(zygote);
    let pipes = instance.take_pipes().unwrap();
    write(&pipes.control, "end");
    assert_eq!(instance.wait().await.status, ExitStatus::Code(7));
    tokio::time::timeout(Duration::from_secs(10), sandbox.close()).await.unwrap();
}

#[tokio::test]
async fn a_killed_fork_takes_its_children_along() {
    let Some((sandbox, zygote)) = zygote("killed", "").await else { return };
    let (mut instance, pipes) = forked(&zygote, "wait").await;
    let mut out = tokio::net::unix::pipe::Receiver::from_owned_fd(pipes.stdout).unwrap();
    common::read_line(&mut out).await;
    instance.kill();
    let exit = instance.wait().await;
    assert_eq!((exit.status, exit.killed), (ExitStatus::Signal(9), true));
    let (mut instance, pipes) = forked(&zygote, "fork").await;
    assert_eq!(instance.wait().await.status, ExitStatus::Code(7));
    drop(pipes);
    tokio::time::timeout(Duration::from_secs(10), sandbox.settled()).await.unwrap();
    end(sandbox, zygote).await;
}
