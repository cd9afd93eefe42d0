//! Whitelists on their way to the instances, and what is said where they cannot be enforced, over fakes.

#![allow(clippy::unwrap_used)]

use ipnet::IpNet;
use vivarium_domain::ErrorKind;
use vivarium_domain::access::Caller;
use vivarium_domain::evaluation::{EvaluationState, StartEvaluation};
use vivarium_domain::id::RuntimeId;
use vivarium_domain::runtime::{RuntimeChange, RuntimeStatus, Synchronization};
use vivarium_testkit::World;

const FAULT: &str = "`nft` is not there; hint: install it";

fn listing(blocks: &[&str]) -> RuntimeChange {
    let blocks = blocks.iter().map(|block| (*block).to_owned()).collect();
    RuntimeChange { whitelist: Some(blocks), ..RuntimeChange::default() }
}

async fn create(world: &World, caller: &Caller, name: &str, blocks: &[&str]) -> RuntimeId {
    let change = RuntimeChange { name: Some(name.to_owned()), ..listing(blocks) };
    let id = world.runtimes.create(caller, change).await.unwrap();
    world.settled(id).await;
    id
}

fn blocks(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn code(runtime: RuntimeId) -> StartEvaluation {
    StartEvaluation { runtime: Some(runtime), source: "return 1".to_owned(), variables: Vec::new(), waits: false }
}

async fn until_status(world: &World, caller: &Caller, id: RuntimeId, status: RuntimeStatus) {
    let reached = async {
        while world.runtimes.get(caller, id).await.unwrap().status != status {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), reached).await.unwrap();
}

#[tokio::test]
async fn a_whitelist_is_enforced_and_a_change_counts_before_it_is_acknowledged() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let id = create(&world, &caller, "x", &["10.0.0.0/8"]).await;
    assert_eq!(world.instances.whitelist(id), blocks(&["10.0.0.0/8"]));
    let build = world.runtimes.get(&caller, id).await.unwrap().runtime.build;
    world.runtimes.alter(&caller, id, listing(&["192.0.2.0/24", "2001:db8::/32"])).await.unwrap();
    assert_eq!(world.instances.whitelist(id), blocks(&["192.0.2.0/24", "2001:db8::/32"]));
    assert_eq!(world.runtimes.get(&caller, id).await.unwrap().runtime.build, build, "nothing is built again");
}

#[tokio::test]
async fn a_runtime_whose_whitelist_cannot_be_enforced_says_so_and_runs_nothing() {
    let world = World::new().await;
    let caller = world.administrator().await;
    world.instances.break_network(Some(FAULT));
    let listed = create(&world, &caller, "listed", &["10.0.0.0/8"]).await;
    let closed = create(&world, &caller, "closed", &[]).await;
    until_status(&world, &caller, listed, RuntimeStatus::Error).await;
    let Synchronization::Failed(faults) = world.runtimes.get(&caller, listed).await.unwrap().synchronization else {
        panic!("it is in step")
    };
    assert!(faults[0].message.contains(FAULT), "{faults:?}");
    let refused = world.evaluations.start(&caller, code(listed)).await.unwrap_err();
    assert!(refused.kind() == ErrorKind::Conflict && refused.to_string().contains(FAULT), "{refused}");
    let id = world.evaluations.start(&caller, code(closed)).await.unwrap();
    let mut watch = world.evaluations.watch(&caller, id).await.unwrap();
    watch.finished().await;
    assert_eq!(watch.evaluation().state, EvaluationState::Ready, "a runtime without a list does not mind");
}

#[tokio::test]
async fn a_network_that_works_again_heals_a_runtime_and_so_does_an_empty_list() {
    let world = World::new().await;
    let caller = world.administrator().await;
    world.instances.break_network(Some(FAULT));
    let (first, second) =
        (create(&world, &caller, "first", &["::/0"]).await, create(&world, &caller, "second", &["::/0"]).await);
    until_status(&world, &caller, first, RuntimeStatus::Error).await;
    until_status(&world, &caller, second, RuntimeStatus::Error).await;
    world.runtimes.alter(&caller, first, listing(&[])).await.unwrap();
    until_status(&world, &caller, first, RuntimeStatus::Ready).await;
    world.instances.break_network(None);
    until_status(&world, &caller, second, RuntimeStatus::Ready).await;
    world.evaluations.start(&caller, code(second)).await.unwrap();
}

/// The evaluation has read the old list, and has it enforced only after the change was acknowledged.
#[tokio::test]
async fn an_evaluation_that_is_just_being_accepted_does_not_bring_an_old_list_back() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let id = create(&world, &caller, "x", &["10.0.0.0/8"]).await;
    // It would put things right again soon.
    world.shut_down();
    tokio::task::yield_now().await;
    world.instances.hold_up(Some(blocks(&["10.0.0.0/8"])));
    let change = async {
        world.instances.held_up().await;
        world.runtimes.alter(&caller, id, listing(&["192.0.2.0/24"])).await.unwrap();
        world.instances.hold_up(None);
    };
    let (started, ()) = tokio::join!(world.evaluations.start(&caller, code(id)), change);
    started.unwrap();
    assert_eq!(world.instances.whitelist(id), blocks(&["192.0.2.0/24"]));
}
