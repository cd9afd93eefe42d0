//! T22: a host user id has one owner at a time, as long as anything of that owner lives.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod common;

use std::collections::{BTreeSet, VecDeque};

use rustix::process::{Pid, Signal, kill_process};
use vivarium_sandbox::{Departure, IdRange, Instance, Sandbox, SandboxError};

const FAMILY: &str = "while :; do :; done & while :; do :; done & echo up; wait";
const FAMILY_SIZE: usize = 3;

/// A sandbox with so few ids that they come back soon.
fn sandbox(test: &str, count: u32) -> Option<Sandbox> {
    let mut settings = common::settings(test);
    settings.ids = IdRange { first: settings.ids.first, count };
    Sandbox::new(settings).inspect_err(|error| eprintln!("skipped: {error}")).ok()
}

/// An instance all of whose processes are there.
async fn family(sandbox: &Sandbox) -> Result<Instance, SandboxError> {
    let mut instance = sandbox.spawn(common::shell(FAMILY)).await?;
    let mut stdout = tokio::net::unix::pipe::Receiver::from_owned_fd(instance.take_pipes().unwrap().stdout).unwrap();
    assert_eq!(common::read_line(&mut stdout).await, "up");
    Ok(instance)
}

fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

/// The pid namespaces in which an id is used.
fn places(uid: u32) -> BTreeSet<String> {
    let place = |pid: &u32| std::fs::read_link(format!("/proc/{pid}/ns/pid")).unwrap().to_str().unwrap().to_owned();
    common::processes_of(uid).iter().map(place).collect()
}

#[tokio::test]
async fn a_stopped_owner_keeps_its_id() {
    let Some(sandbox) = sandbox("stopped", 1) else { return };
    let owner = family(&sandbox).await.unwrap();
    let uid = owner.host_uid().unwrap();
    for pid in common::processes_of(uid) {
        kill(pid, Signal::STOP);
    }
    assert!(matches!(family(&sandbox).await, Err(SandboxError::IdsExhausted(1))));
    assert_eq!(common::processes_of(uid).len(), FAMILY_SIZE);
    let departure = owner.departure();
    drop(owner);
    departure.wait().await;
    assert_eq!(common::processes_of(uid), Vec::<u32>::new());
    assert_eq!(family(&sandbox).await.unwrap().host_uid(), Some(uid));
    sandbox.settled().await;
    sandbox.close().await;
}

/// The next instance, as soon as one of those that are being ended has gone.
async fn next(sandbox: &Sandbox, leaving: &mut VecDeque<Departure>) -> Instance {
    loop {
        match family(sandbox).await {
            Ok(instance) => return instance,
            Err(SandboxError::IdsExhausted(_)) => leaving.pop_front().unwrap().wait().await,
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn no_id_is_leased_again_while_its_last_owner_is_being_ended() {
    let Some(sandbox) = sandbox("churn", 2) else { return };
    let (mut leaving, mut uids) = (VecDeque::new(), BTreeSet::new());
    for round in 0..40 {
        let instance = next(&sandbox, &mut leaving).await;
        let uid = instance.host_uid().unwrap();
        assert_eq!((common::processes_of(uid).len(), places(uid).len()), (FAMILY_SIZE, 1), "round {round}");
        uids.insert(uid);
        leaving.push_back(instance.departure());
    }
    assert_eq!(uids.len(), 2, "both ids were used again and again");
    sandbox.settled().await;
    sandbox.close().await;
}
