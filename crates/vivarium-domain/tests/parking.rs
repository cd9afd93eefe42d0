//! What is ordered to be parked as runtimes change, over fakes.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use vivarium_domain::id::RuntimeId;
use vivarium_domain::ports::ParkingOrder;
use vivarium_domain::runtime::{DEFAULT_RUNTIME_ID, InstanceMode, PackageChange, ResourceChange, RuntimeChange};
use vivarium_domain::{ErrorKind, Result};
use vivarium_testkit::World;

fn change(min: i64, max: i64) -> RuntimeChange {
    let (min_cached_instances, max_cached_instances) = (Some(min), Some(max));
    RuntimeChange { min_cached_instances, max_cached_instances, ..RuntimeChange::default() }
}

fn named(name: &str, min: i64, max: i64) -> RuntimeChange {
    RuntimeChange { name: Some(name.to_owned()), ..change(min, max) }
}

/// Until the orders are as wanted.
async fn until(world: &World, wanted: impl Fn(&BTreeMap<RuntimeId, ParkingOrder>) -> bool) {
    let mut orders = world.instances.orders();
    let waited = tokio::time::timeout(Duration::from_secs(20), orders.wait_for(wanted)).await;
    assert!(waited.is_ok(), "{:?}", world.instances.orders().borrow());
}

fn order(world: &World, id: RuntimeId) -> ParkingOrder {
    world.instances.orders().borrow()[&id].clone()
}

#[tokio::test]
async fn a_runtime_with_an_environment_is_kept_ready_with_its_own_limits() {
    let world = World::new().await;
    let caller = world.administrator().await;
    world.environments.hold();
    let id = world.runtimes.create(&caller, named("x", 3, 5)).await.unwrap();
    until(&world, |orders| orders.contains_key(&DEFAULT_RUNTIME_ID)).await;
    assert!(!world.instances.orders().borrow().contains_key(&id), "there is nothing to park in yet");
    world.environments.release();
    until(&world, |orders| orders.contains_key(&id)).await;
    let first = order(&world, id);
    assert_eq!((first.min, first.max), (3, 5));
    let resource = ResourceChange { memory_mib: Some(300), ..ResourceChange::default() };
    let limits = RuntimeChange { resource: Some(resource), ..change(0, 0) };
    world.runtimes.alter(&caller, id, limits).await.unwrap();
    until(&world, |orders| orders[&id].max == 0 && orders[&id].resource.memory_mib == 300).await;
    assert_eq!(order(&world, id).serving, first.serving);
}

#[tokio::test]
async fn a_new_environment_is_a_new_order_and_until_then_the_old_one_stands() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let id = world.runtimes.create(&caller, named("x", 1, 1)).await.unwrap();
    until(&world, |orders| orders.contains_key(&id)).await;
    let first = order(&world, id);
    world.environments.hold();
    let package = PackageChange { name: "numpy".to_owned(), ..PackageChange::default() };
    let packages = RuntimeChange { packages: Some(vec![package]), ..change(2, 2) };
    world.runtimes.alter(&caller, id, packages).await.unwrap();
    until(&world, |orders| orders[&id].min == 2).await;
    assert_eq!(order(&world, id).serving, first.serving);
    assert_eq!(world.instances.warmed(), [], "nobody waits for the first environment to be warm");
    world.environments.release();
    until(&world, |orders| orders[&id].serving != first.serving).await;
    assert_eq!(world.instances.warmed(), [order(&world, id)], "before it served");
}

#[tokio::test]
async fn another_origin_of_instances_is_a_new_order_and_no_new_environment() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let id = world.runtimes.create(&caller, named("x", 1, 1)).await.unwrap();
    until(&world, |orders| orders.contains_key(&id)).await;
    let (first, before) = (order(&world, id), world.runtimes.get(&caller, id).await.unwrap().runtime);
    assert_eq!(first.mode, InstanceMode::Forked);
    let fresh = RuntimeChange { instance_mode: Some("fresh".to_owned()), ..RuntimeChange::default() };
    world.runtimes.alter(&caller, id, fresh).await.unwrap();
    until(&world, |orders| orders[&id].mode == InstanceMode::Fresh).await;
    assert_eq!(order(&world, id), ParkingOrder { mode: InstanceMode::Fresh, ..first });
    let after = world.runtimes.get(&caller, id).await.unwrap().runtime;
    assert!(after.revision != before.revision && after.build == before.build);
}

#[tokio::test]
async fn stopped_and_deleted_runtimes_keep_nothing() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let id = world.runtimes.create(&caller, named("x", 1, 1)).await.unwrap();
    until(&world, |orders| orders.contains_key(&id)).await;
    world.runtimes.stop(&caller, id).await.unwrap();
    until(&world, |orders| !orders.contains_key(&id)).await;
    world.runtimes.start(&caller, id).await.unwrap();
    until(&world, |orders| orders.contains_key(&id)).await;
    world.runtimes.delete(&caller, id).await.unwrap();
    until(&world, |orders| !orders.contains_key(&id)).await;
}

#[tokio::test]
async fn the_end_of_the_server_releases_all() {
    let world = World::new().await;
    until(&world, |orders| orders.contains_key(&DEFAULT_RUNTIME_ID)).await;
    world.shut_down();
    until(&world, BTreeMap::is_empty).await;
}

#[tokio::test]
async fn the_pool_is_shown_to_who_may_read_the_runtime() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let id = world.runtimes.create(&caller, named("x", 1, 2)).await.unwrap();
    until(&world, |orders| orders.contains_key(&id)).await;
    let pool = world.runtimes.pool(&caller, id).await.unwrap();
    assert_eq!((pool.state.min, pool.state.max, pool.state.parked, pool.queued), (1, 2, 1, 0));
    let stranger = world.add_user("stranger", &[]).await;
    assert!(kind(world.runtimes.pool(&stranger, id).await).is_some());
    assert_eq!(kind(world.runtimes.pool(&caller, RuntimeId::random()).await), Some(ErrorKind::NotFound));
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}
