//! Nodes, and what they report of runtimes.

use futures::future::{join, join_all};
use vivarium_domain::id::{NodeId, RuntimeId};
use vivarium_domain::node::Node;
use vivarium_domain::ports::{Store, StoreError};
use vivarium_domain::runtime::{NodeRuntimeState, SyncState};

use super::samples::{at, node, runtime, state};

pub(crate) async fn a_node_registers_and_renews(store: &dyn Store) {
    let first = node("b");
    store.register_node(&first).await.unwrap();
    store.register_node(&node("a")).await.unwrap();
    let again = Node { name: "c 'ü'".to_owned(), address: "h:1".to_owned(), started: at(99), stopped: true, ..first };
    store.register_node(&again).await.unwrap();
    let nodes = store.nodes().await.unwrap();
    assert_eq!(nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["a", "c 'ü'"]);
    assert_eq!(nodes[1], again);
}

pub(crate) async fn the_name_of_a_node_belongs_to_one_id(store: &dyn Store) {
    let (first, second) = (node("a"), node("b"));
    store.register_node(&first).await.unwrap();
    store.register_node(&second).await.unwrap();
    for rival in [node("a"), Node { name: "a".to_owned(), ..second.clone() }] {
        let outcome = store.register_node(&rival).await;
        assert!(matches!(outcome, Err(StoreError::NameTaken)), "{outcome:?}");
    }
    assert_eq!(store.nodes().await.unwrap(), [first, second]);
}

pub(crate) async fn a_node_lives_until_it_stops(store: &dyn Store) {
    let mut one = node("a");
    store.register_node(&one).await.unwrap();
    store.heartbeat(one.id, at(30)).await.unwrap();
    one.heartbeat = at(30);
    assert_eq!(store.nodes().await.unwrap(), [one.clone()]);
    store.mark_node_stopped(one.id, at(40)).await.unwrap();
    assert!(store.nodes().await.unwrap()[0].stopped);
    let unknown = store.heartbeat(NodeId::random(), at(50)).await;
    assert!(matches!(unknown, Err(StoreError::Stale)), "{unknown:?}");
}

pub(crate) async fn a_state_replaces_the_one_before(store: &dyn Store) {
    let (here, other) = (runtime("a"), runtime("b"));
    store.insert_runtime(&here).await.unwrap();
    store.insert_runtime(&other).await.unwrap();
    let (first, second) = (NodeId::random(), NodeId::random());
    let failed = state(first, here.id);
    store.put_node_state(&failed).await.unwrap();
    assert_eq!(store.node_states_of(here.id).await.unwrap(), std::slice::from_ref(&failed));
    let packages = Vec::new();
    let ready =
        NodeRuntimeState { state: SyncState::Ready, packages, fault: None, serving: None, stopped: false, ..failed };
    store.put_node_state(&ready).await.unwrap();
    assert_eq!(store.node_states_of(here.id).await.unwrap(), [ready]);
    store.put_node_state(&state(second, here.id)).await.unwrap();
    store.put_node_state(&state(first, other.id)).await.unwrap();
    assert_eq!(store.node_states_of(here.id).await.unwrap().len(), 2);
    assert_eq!(store.node_states().await.unwrap().len(), 3);
}

pub(crate) async fn states_go_with_their_runtime(store: &dyn Store) {
    let (here, other) = (runtime("a"), runtime("b"));
    store.insert_runtime(&here).await.unwrap();
    store.insert_runtime(&other).await.unwrap();
    let kept = state(NodeId::random(), other.id);
    store.put_node_state(&state(NodeId::random(), here.id)).await.unwrap();
    store.put_node_state(&kept).await.unwrap();
    assert!(store.delete_runtime(here.id).await.unwrap());
    assert_eq!(store.node_states().await.unwrap(), [kept]);
}

pub(crate) async fn nothing_is_kept_of_a_runtime_that_is_gone(store: &dyn Store) {
    store.put_node_state(&state(NodeId::random(), RuntimeId::random())).await.unwrap();
    assert_eq!(store.node_states().await.unwrap(), []);
}

pub(crate) async fn states_and_deletions_at_the_same_time_leave_nothing(store: &dyn Store) {
    let here = runtime("a");
    store.insert_runtime(&here).await.unwrap();
    let states: Vec<_> = (0..24).map(|_| state(NodeId::random(), here.id)).collect();
    let puts = join_all(states.iter().map(|state| store.put_node_state(state)));
    let (outcomes, deleted) = join(puts, store.delete_runtime(here.id)).await;
    assert!(deleted.unwrap());
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(store.node_states().await.unwrap(), []);
}
