//! Defining, synchronizing and operating runtimes through the use cases, over fakes.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use vivarium_domain::ErrorKind;
use vivarium_domain::access::{Caller, EVERYONE, Rights};
use vivarium_domain::account::Role;
use vivarium_domain::id::RuntimeId;
use vivarium_domain::runtime::{
    AclChange, AclOperation, DEFAULT_RUNTIME_ID, PackageChange, PackageStatus, RuntimeChange, RuntimeStatus,
    RuntimeView, Synchronization,
};
use vivarium_testkit::World;

fn named(name: &str) -> RuntimeChange {
    RuntimeChange { name: Some(name.to_owned()), ..RuntimeChange::default() }
}

fn with_packages(name: &str, packages: &[&str]) -> RuntimeChange {
    let packages = packages.iter().map(|name| PackageChange { name: (*name).to_owned(), ..PackageChange::default() });
    RuntimeChange { packages: Some(packages.collect()), ..named(name) }
}

async fn view(world: &World, id: RuntimeId) -> RuntimeView {
    world.runtimes.get(&world.administrator().await, id).await.unwrap()
}

fn kind<T>(result: vivarium_domain::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

async fn grant(world: &World, id: RuntimeId, caller: &Caller, rights: Rights) {
    let change = AclChange {
        operation: AclOperation::Replace,
        trustee: caller.id().into(),
        rights,
        deny: false,
        inheritable: false,
    };
    world.runtimes.change_acl(&world.administrator().await, id, vec![change]).await.unwrap();
}

#[tokio::test]
async fn names_are_unique_without_regard_to_case() {
    let world = World::new().await;
    let caller = world.administrator().await;
    world.runtimes.create(&caller, named("Läufe")).await.unwrap();
    assert_eq!(kind(world.runtimes.create(&caller, named(" LÄUFE ")).await), Some(ErrorKind::AlreadyExists));
    let other = world.runtimes.create(&caller, named("other")).await.unwrap();
    assert_eq!(kind(world.runtimes.alter(&caller, other, named("läufe")).await), Some(ErrorKind::AlreadyExists));
    world.runtimes.alter(&caller, other, named("OTHER")).await.unwrap();
    assert_eq!(view(&world, other).await.runtime.definition.name.as_str(), "OTHER");
}

#[tokio::test]
async fn a_save_makes_a_revision_and_one_that_changes_nothing_keeps_it() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let id = world.runtimes.create(&caller, named("x")).await.unwrap();
    let first = view(&world, id).await.runtime;
    world.clock.advance(Duration::from_secs(1));
    world.runtimes.alter(&caller, id, named("x")).await.unwrap();
    assert_eq!(view(&world, id).await.runtime, first);
    world.runtimes.alter(&caller, id, RuntimeChange { description: Some("d".into()), ..named("x") }).await.unwrap();
    let second = view(&world, id).await.runtime;
    assert!(second.revision != first.revision && second.modified > first.modified && second.build == first.build);
}

#[tokio::test]
async fn a_failed_build_keeps_the_last_good_environment_and_a_correction_heals_it() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let id = world.runtimes.create(&caller, with_packages("x", &["six"])).await.unwrap();
    assert_eq!(world.settled(id).await, RuntimeStatus::Ready);
    world.runtimes.alter(&caller, id, with_packages("x", &["six", "no-such-thing"])).await.unwrap();
    while view(&world, id).await.status != RuntimeStatus::Error {
        tokio::task::yield_now().await;
    }
    let broken = view(&world, id).await;
    assert_eq!(broken.packages[1].status, PackageStatus::NotInstalled);
    assert!(broken.running && matches!(broken.synchronization, Synchronization::Failed(_)));
    let start = vivarium_domain::evaluation::StartEvaluation {
        runtime: Some(id),
        source: "print on".into(),
        variables: Vec::new(),
        waits: false,
    };
    let evaluation = world.evaluations.start(&caller, start).await.unwrap();
    let mut watch = world.evaluations.watch(&caller, evaluation).await.unwrap();
    watch.finished().await;
    assert_eq!(watch.evaluation().stdout_text(), "on\n");
    world.runtimes.alter(&caller, id, with_packages("x", &["six", "idna"])).await.unwrap();
    while view(&world, id).await.status != RuntimeStatus::Ready {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_runtime_is_unknown_then_busy_then_ready() {
    let world = World::new().await;
    let caller = world.administrator().await;
    world.environments.hold();
    let id = world.runtimes.create(&caller, with_packages("x", &["six"])).await.unwrap();
    assert!(matches!(view(&world, id).await.status, RuntimeStatus::Unknown | RuntimeStatus::Busy));
    while view(&world, id).await.status != RuntimeStatus::Busy {
        tokio::task::yield_now().await;
    }
    assert_eq!(view(&world, id).await.packages[0].status, PackageStatus::Installing);
    assert_eq!(view(&world, id).await.synchronization, Synchronization::InProgress);
    world.environments.release();
    assert_eq!(world.settled(id).await, RuntimeStatus::Ready);
    assert_eq!(view(&world, id).await.packages[0].status, PackageStatus::Installed);
}

#[tokio::test]
async fn rights_decide_what_a_user_sees_and_does() {
    let world = World::new().await;
    let administrator = world.administrator().await;
    let anna = world.add_user("anna", &[]).await;
    let id = world.runtimes.create(&administrator, named("x")).await.unwrap();
    let attempt = || async {
        let listed = world.runtimes.list(&anna).await.unwrap().iter().any(|view| view.runtime.id == id);
        let read = kind(world.runtimes.get(&anna, id).await);
        let written =
            kind(world.runtimes.alter(&anna, id, RuntimeChange { others: Some("o".into()), ..named("x") }).await);
        (listed, read, written)
    };
    let (missing, denied) = (Some(ErrorKind::NotFound), Some(ErrorKind::MissingPermission));
    assert_eq!(attempt().await, (false, missing, missing));
    grant(&world, id, &anna, Rights::BROWSE).await;
    assert_eq!(attempt().await, (true, denied, denied));
    grant(&world, id, &anna, Rights::VIEW).await;
    assert_eq!(attempt().await, (true, None, denied));
    assert_eq!(world.runtimes.get(&anna, id).await.unwrap().rights, Rights::VIEW);
    assert_eq!(kind(world.runtimes.delete(&anna, id).await), denied);
    assert_eq!(kind(world.runtimes.change_acl(&anna, id, Vec::new()).await), denied);
    grant(&world, id, &anna, Rights::FULL).await;
    assert_eq!(attempt().await, (true, None, None));
    assert_eq!(kind(world.runtimes.stop(&anna, id).await), Some(ErrorKind::MissingPrivilege));
    world.runtimes.delete(&anna, id).await.unwrap();
}

#[tokio::test]
async fn a_denial_to_everyone_spares_administrators_only() {
    let world = World::new().await;
    let administrator = world.administrator().await;
    let anna = world.add_user("anna", &[]).await;
    let deny = AclChange {
        operation: AclOperation::Add,
        trustee: EVERYONE,
        rights: Rights::EXECUTE,
        deny: true,
        inheritable: false,
    };
    world.runtimes.change_acl(&administrator, DEFAULT_RUNTIME_ID, vec![deny]).await.unwrap();
    let start = || vivarium_domain::evaluation::StartEvaluation {
        runtime: None,
        source: String::new(),
        variables: Vec::new(),
        waits: false,
    };
    assert_eq!(kind(world.evaluations.start(&anna, start()).await), Some(ErrorKind::MissingPermission));
    assert!(world.evaluations.start(&administrator, start()).await.is_ok());
}

#[tokio::test]
async fn an_access_list_names_only_who_exists() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let stranger = vivarium_domain::id::TrusteeId::random();
    let change = AclChange {
        operation: AclOperation::Add,
        trustee: stranger,
        rights: Rights::VIEW,
        deny: false,
        inheritable: false,
    };
    let refused = world.runtimes.change_acl(&caller, DEFAULT_RUNTIME_ID, vec![change]).await.unwrap_err();
    assert_eq!((refused.kind(), refused.fields()[0].field.as_str()), (ErrorKind::InvalidInput, "acl[0].trustee"));
}

#[tokio::test]
async fn privileges_come_with_roles() {
    let world = World::new().await;
    for (role, may_create, may_operate) in [
        (Role::Admin, true, true),
        (Role::Deployer, true, true),
        (Role::Operator, false, true),
        (Role::Monitor, false, false),
    ] {
        let user = world.add_user(role.as_str(), &[role]).await;
        let refused = Some(ErrorKind::MissingPrivilege);
        let created = kind(world.runtimes.create(&user, named(&format!("of {role}"))).await);
        assert_eq!(created, if may_create { None } else { refused }, "{role}");
        let operated = kind(world.runtimes.synchronize(&user, DEFAULT_RUNTIME_ID).await);
        assert_eq!(operated, if may_operate { None } else { refused }, "{role}");
        assert!(world.runtimes.list_for_roles(&user).await.is_ok(), "{role}");
    }
    let nobody = world.add_user("nobody", &[]).await;
    assert_eq!(kind(world.runtimes.list_for_roles(&nobody).await), Some(ErrorKind::MissingPrivilege));
}

#[tokio::test]
async fn the_default_runtime_stays() {
    let world = World::new().await;
    let caller = world.administrator().await;
    assert_eq!(kind(world.runtimes.delete(&caller, DEFAULT_RUNTIME_ID).await), Some(ErrorKind::Conflict));
    world.runtimes.ensure_default().await.unwrap();
    assert_eq!(world.runtimes.list(&caller).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_stopped_runtime_is_not_running_and_not_out_of_step() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let id = world.runtimes.create(&caller, named("x")).await.unwrap();
    world.settled(id).await;
    assert!(view(&world, id).await.running);
    world.runtimes.stop(&caller, id).await.unwrap();
    let stopped = view(&world, id).await;
    assert!(!stopped.running && stopped.synchronization == Synchronization::InStep);
    world.runtimes.stop(&caller, id).await.unwrap();
    world.runtimes.start(&caller, id).await.unwrap();
    while !view(&world, id).await.running {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_silent_node_counts_for_nothing() {
    let world = World::new().await;
    assert!(view(&world, DEFAULT_RUNTIME_ID).await.running);
    world.clock.advance(Duration::from_secs(60));
    let silent = view(&world, DEFAULT_RUNTIME_ID).await;
    assert!(!silent.running && silent.status == RuntimeStatus::Unknown);
}
