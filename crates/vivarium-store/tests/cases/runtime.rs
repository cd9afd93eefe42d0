//! Runtimes.

use futures::future::join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use vivarium_domain::access::{Acl, AclEntry, Rights, TrusteeKind};
use vivarium_domain::id::{RevisionId, RuntimeId, TrusteeId};
use vivarium_domain::ports::{Store, StoreError};
use vivarium_domain::runtime::{InstanceMode, PackageSpec, Resource, Runtime, RuntimeDefinition};

use super::samples::{at, name, runtime};

pub(crate) async fn a_runtime_comes_back_as_it_was(store: &dyn Store) {
    let saved = runtime("Läufe & <Täge> 'x' \u{1F40D}");
    store.insert_runtime(&saved).await.unwrap();
    assert_eq!(store.runtime(saved.id).await.unwrap().as_ref(), Some(&saved));
    assert_eq!(store.runtime_by_name_key(&saved.definition.name.key()).await.unwrap().as_ref(), Some(&saved));
    assert_eq!(store.runtimes().await.unwrap(), std::slice::from_ref(&saved));
    assert!(store.delete_runtime(saved.id).await.unwrap());
    assert!(!store.delete_runtime(saved.id).await.unwrap());
    assert_eq!(store.runtime(saved.id).await.unwrap(), None);
    assert_eq!(store.runtime_by_name_key(&saved.definition.name.key()).await.unwrap(), None);
    assert_eq!(store.runtime(RuntimeId::random()).await.unwrap(), None);
}

prop_compose! {
    fn any_runtime()(
        texts in prop::collection::vec(any::<String>(), 5),
        packages in prop::collection::vec(any::<(String, String, String)>(), 0..4),
        blocks in prop::collection::vec(any::<u32>(), 0..4),
        limits in any::<(u32, u64, u64, u32, u32, u32, u32)>(),
        entries in prop::collection::vec((any::<u128>(), any::<bool>(), 0_u32..=255, any::<bool>(), any::<bool>()), 0..4),
        stopped in any::<bool>(),
        instance_mode in prop::sample::select(InstanceMode::ALL.to_vec()),
        times in any::<(i64, i64)>(),
    ) -> Runtime {
        let block = |bits: u32| std::net::IpAddr::from(bits.to_be_bytes()).into();
        let package = |(name, version, description)| PackageSpec { name, version, description };
        let entry = |(trustee, user, rights, deny, inheritable)| AclEntry {
            trustee: TrusteeId::from_u128(trustee),
            kind: if user { TrusteeKind::User } else { TrusteeKind::Group },
            rights: Rights::from_bits(rights).unwrap(),
            deny,
            inheritable,
        };
        Runtime {
            definition: RuntimeDefinition {
                name: name(&format!("Lauf {}", RuntimeId::random())),
                description: texts[0].clone(),
                whitelist: blocks.into_iter().map(block).collect(),
                packages: packages.into_iter().map(package).collect(),
                resource: Resource { cpu_millis: limits.0, memory_mib: limits.1, disk_mib: limits.2, processes: limits.3 },
                time_limit_seconds: limits.4,
                min_cached_instances: limits.5,
                max_cached_instances: limits.6,
                instance_mode,
                python_version: texts[1].clone(),
                others: texts[2].clone(),
                execution_target: texts[3].clone(),
            },
            acl: Acl(entries.into_iter().map(entry).collect()),
            stopped,
            created: at(times.0),
            modified: at(times.1),
            ..runtime("any")
        }
    }
}

pub(crate) async fn any_runtime_comes_back_as_it_was(store: &dyn Store) {
    let mut runner = TestRunner::default();
    for _ in 0..32 {
        let saved = any_runtime().new_tree(&mut runner).unwrap().current();
        store.insert_runtime(&saved).await.unwrap();
        assert_eq!(store.runtime(saved.id).await.unwrap().as_ref(), Some(&saved));
        let other = any_runtime().new_tree(&mut runner).unwrap().current();
        let changed = Runtime { id: saved.id, ..other };
        store.update_runtime(&changed, saved.revision).await.unwrap();
        assert_eq!(store.runtime(saved.id).await.unwrap().as_ref(), Some(&changed));
    }
}

pub(crate) async fn names_of_runtimes_are_taken_without_regard_to_case(store: &dyn Store) {
    let first = runtime("(Default) Vivarium");
    store.insert_runtime(&first).await.unwrap();
    // The well-known runtime: the same id too, when nodes start together.
    for again in [runtime("(default) VIVARIUM"), first.clone()] {
        let outcome = store.insert_runtime(&again).await;
        assert!(matches!(outcome, Err(StoreError::NameTaken)), "{outcome:?}");
    }
    assert_eq!(store.runtimes().await.unwrap(), [first]);
}

pub(crate) async fn an_update_needs_the_expected_revision(store: &dyn Store) {
    let first = runtime("a");
    store.insert_runtime(&first).await.unwrap();
    let second = Runtime { revision: RevisionId::random(), stopped: false, ..first.clone() };
    store.update_runtime(&second, first.revision).await.unwrap();
    let third = Runtime { revision: RevisionId::random(), ..first.clone() };
    let stale = store.update_runtime(&third, first.revision).await;
    assert!(matches!(stale, Err(StoreError::Stale)), "{stale:?}");
    assert_eq!(store.runtime(first.id).await.unwrap(), Some(second.clone()));
    store.delete_runtime(first.id).await.unwrap();
    let gone = store.update_runtime(&third, second.revision).await;
    assert!(matches!(gone, Err(StoreError::Stale)), "{gone:?}");
    assert!(store.runtimes().await.unwrap().is_empty());
}

pub(crate) async fn an_update_cannot_take_the_name_of_another(store: &dyn Store) {
    let (first, second) = (runtime("eins"), runtime("zwei"));
    store.insert_runtime(&first).await.unwrap();
    store.insert_runtime(&second).await.unwrap();
    let mut renamed = second.clone();
    renamed.definition.name = name("EINS");
    let outcome = store.update_runtime(&renamed, second.revision).await;
    assert!(matches!(outcome, Err(StoreError::NameTaken)), "{outcome:?}");
    renamed.definition.name = name("ZWEI");
    store.update_runtime(&renamed, second.revision).await.unwrap();
    assert_eq!(store.runtime(second.id).await.unwrap(), Some(renamed));
}

pub(crate) async fn runtimes_are_listed_by_name_key(store: &dyn Store) {
    for text in ["b", "C", "ä", "a b", "a", "(Default)"] {
        store.insert_runtime(&runtime(text)).await.unwrap();
    }
    let runtimes = store.runtimes().await.unwrap();
    let names: Vec<_> = runtimes.iter().map(|runtime| runtime.definition.name.as_str()).collect();
    assert_eq!(names, ["(Default)", "a", "a b", "b", "C", "ä"]);
}

pub(crate) async fn of_many_inserts_of_one_name_exactly_one_wins(store: &dyn Store) {
    let rivals: Vec<_> = (0..16).map(|n| runtime(if n % 2 == 0 { "Rivale" } else { "RIVALE" })).collect();
    let outcomes = join_all(rivals.iter().map(|rival| store.insert_runtime(rival))).await;
    let winners: Vec<_> = rivals.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).collect();
    assert_eq!(winners.len(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(StoreError::NameTaken))), "{outcomes:?}");
    assert_eq!(store.runtimes().await.unwrap(), [winners[0].0.clone()]);
}

pub(crate) async fn of_many_updates_of_one_revision_exactly_one_wins(store: &dyn Store) {
    let first = runtime("a");
    store.insert_runtime(&first).await.unwrap();
    let rivals: Vec<_> = (0..16).map(|_| Runtime { revision: RevisionId::random(), ..first.clone() }).collect();
    let outcomes = join_all(rivals.iter().map(|rival| store.update_runtime(rival, first.revision))).await;
    let winners: Vec<_> = rivals.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).collect();
    assert_eq!(winners.len(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(StoreError::Stale))), "{outcomes:?}");
    assert_eq!(store.runtime(first.id).await.unwrap().as_ref(), Some(winners[0].0));
}
