//! The way of evaluations through the use cases, over fakes.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use vivarium_domain::ErrorKind;
use vivarium_domain::access::Caller;
use vivarium_domain::account::Role;
use vivarium_domain::evaluation::{Cursor, Emission, Evaluation, EvaluationCounts, EvaluationState, StartEvaluation};
use vivarium_domain::id::{EvaluationId, RuntimeId};
use vivarium_domain::ports::{EvaluationStore, RuntimeStore, Store};
use vivarium_domain::runtime::{DEFAULT_RUNTIME_ID, PackageChange, RuntimeChange};
use vivarium_testkit::{World, WorldSettings};

fn code(source: &str) -> StartEvaluation {
    StartEvaluation { runtime: None, source: source.to_owned(), variables: Vec::new(), waits: false }
}

fn code_in(runtime: RuntimeId, source: &str) -> StartEvaluation {
    StartEvaluation { runtime: Some(runtime), ..code(source) }
}

async fn finished(world: &World, caller: &Caller, id: EvaluationId) -> Evaluation {
    let mut watch = world.evaluations.watch(caller, id).await.unwrap();
    watch.finished().await;
    watch.evaluation()
}

async fn running(world: &World, caller: &Caller, id: EvaluationId) {
    let mut watch = world.evaluations.watch(caller, id).await.unwrap();
    while watch.evaluation().state == EvaluationState::Initiated {
        watch.changed().await;
    }
}

async fn create(world: &World, caller: &Caller, name: &str, package: Option<&str>) -> RuntimeId {
    let package = package.map(|name| vec![PackageChange { name: name.to_owned(), ..PackageChange::default() }]);
    let change = RuntimeChange { name: Some(name.to_owned()), packages: package, ..RuntimeChange::default() };
    world.runtimes.create(caller, change).await.unwrap()
}

#[tokio::test]
async fn a_result_is_in_the_store_before_anybody_hears_of_it() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let id = world.evaluations.start(&caller, code("print hello\nerror oh\nreturn 42")).await.unwrap();
    let seen = finished(&world, &caller, id).await;
    assert_eq!(world.store.evaluation(id).await.unwrap().unwrap(), seen);
    assert_eq!(
        (seen.state, seen.stdout_text().as_str(), seen.stderr_text().as_str()),
        (EvaluationState::Ready, "hello\n", "oh\n")
    );
    assert_eq!(seen.output.as_deref(), Some("42"));
    assert!(seen.started.is_some() && seen.finished.is_some());
}

#[tokio::test]
async fn an_accepted_evaluation_is_in_the_store_before_it_runs() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let id = world.evaluations.start(&caller, code("wait gate")).await.unwrap();
    assert!(world.store.evaluation(id).await.unwrap().is_some());
    world.instances.open("gate");
    assert_eq!(finished(&world, &caller, id).await.state, EvaluationState::Ready);
}

#[tokio::test]
async fn cancelling_ends_it_keeps_its_output_and_names_who_did_it() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let id = world.evaluations.start(&caller, code("print before\nwait forever")).await.unwrap();
    running(&world, &caller, id).await;
    world.evaluations.cancel(&caller, id).await.unwrap();
    let ended = world.evaluations.get(&caller, id).await.unwrap();
    assert_eq!((ended.state, ended.stdout_text().as_str()), (EvaluationState::Cancelled, "before\n"));
    assert_eq!(ended.message.as_deref(), Some("cancelled by the user `administrator`"));
    world.evaluations.cancel(&caller, id).await.unwrap();
}

#[tokio::test]
async fn nobody_sees_the_evaluations_of_others_but_administrators() {
    let world = World::new().await;
    let (anna, ben) = (world.add_user("anna", &[]).await, world.add_user("ben", &[]).await);
    let id = world.evaluations.start(&anna, code("wait gate")).await.unwrap();
    for state in ["live", "ended"] {
        assert_eq!(world.evaluations.get(&ben, id).await.unwrap_err().kind(), ErrorKind::NotFound, "{state}");
        assert_eq!(world.evaluations.cancel(&ben, id).await.unwrap_err().kind(), ErrorKind::NotFound, "{state}");
        assert!(world.evaluations.get(&world.administrator().await, id).await.is_ok());
        world.instances.open("gate");
        finished(&world, &anna, id).await;
    }
}

#[tokio::test]
async fn the_queue_is_bounded_and_a_refusal_says_when_to_come_back() {
    let world = World::with(WorldSettings { max_running: 1, max_queued: 2, ..WorldSettings::default() }).await;
    let caller = world.administrator().await;
    let mut accepted = Vec::new();
    for _ in 0..3 {
        accepted.push(world.evaluations.start(&caller, code("wait gate")).await.unwrap());
    }
    let refused = world.evaluations.start(&caller, code("wait gate")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::TooManyRequests, Some(Duration::from_secs(1))));
    running(&world, &caller, accepted[0]).await;
    let counts = world.evaluations.counts();
    assert_eq!((counts.running, counts.queued), (1, 2));
    world.instances.open("gate");
    for id in accepted {
        assert_eq!(finished(&world, &caller, id).await.state, EvaluationState::Ready);
    }
}

#[tokio::test]
async fn a_queued_evaluation_can_be_cancelled_and_never_runs() {
    let world = World::with(WorldSettings { max_running: 1, ..WorldSettings::default() }).await;
    let caller = world.administrator().await;
    let first = world.evaluations.start(&caller, code("wait gate")).await.unwrap();
    running(&world, &caller, first).await;
    let second = world.evaluations.start(&caller, code("print never")).await.unwrap();
    world.evaluations.cancel(&caller, second).await.unwrap();
    let ended = world.evaluations.get(&caller, second).await.unwrap();
    assert_eq!((ended.state, ended.started, ended.stdout.len()), (EvaluationState::Cancelled, None, 0));
    world.instances.open("gate");
    finished(&world, &caller, first).await;
}

#[tokio::test]
async fn deleting_or_stopping_a_runtime_ends_what_runs_in_it_with_the_reason() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let gone = create(&world, &caller, "gone", None).await;
    let halted = create(&world, &caller, "halted", None).await;
    let in_gone = world.evaluations.start(&caller, code_in(gone, "wait forever")).await.unwrap();
    let in_halted = world.evaluations.start(&caller, code_in(halted, "wait forever")).await.unwrap();
    world.runtimes.delete(&caller, gone).await.unwrap();
    world.runtimes.stop(&caller, halted).await.unwrap();
    for (id, reason) in [(in_gone, "the runtime `gone` was deleted"), (in_halted, "the runtime `halted` was stopped")] {
        let ended = world.evaluations.get(&caller, id).await.unwrap();
        assert_eq!((ended.state, ended.message.as_deref()), (EvaluationState::Cancelled, Some(reason)));
    }
    let refused = world.evaluations.start(&caller, code_in(gone, "")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    let refused = world.evaluations.start(&caller, code_in(halted, "")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    world.runtimes.start(&caller, halted).await.unwrap();
    world.settled(halted).await;
    let id = world.evaluations.start(&caller, code_in(halted, "print back")).await.unwrap();
    assert_eq!(finished(&world, &caller, id).await.stdout_text(), "back\n");
}

#[tokio::test]
async fn before_the_first_build_evaluations_queue() {
    let world = World::new().await;
    let caller = world.administrator().await;
    world.environments.hold();
    let runtime = create(&world, &caller, "slow", Some("six")).await;
    let id = world.evaluations.start(&caller, code_in(runtime, "print ran")).await.unwrap();
    assert_eq!(world.evaluations.get(&caller, id).await.unwrap().state, EvaluationState::Initiated);
    world.environments.release();
    assert_eq!(finished(&world, &caller, id).await.stdout_text(), "ran\n");
}

#[tokio::test]
async fn a_new_node_run_closes_what_the_last_one_left() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let running_one = world.evaluations.start(&caller, code("print some\nwait forever")).await.unwrap();
    running(&world, &caller, running_one).await;
    let mut record = world.evaluations.get(&caller, running_one).await.unwrap();
    record.id = EvaluationId::random();
    world.store.insert_evaluation(&record).await.unwrap();
    let queued = Evaluation { id: EvaluationId::random(), state: EvaluationState::Initiated, ..record.clone() };
    world.store.insert_evaluation(&queued).await.unwrap();
    assert_eq!(world.evaluations.recover().await.unwrap(), 3);
    for (id, message) in [
        (record.id, "the server restarted while this evaluation was running"),
        (queued.id, "the server restarted before this evaluation was seen to run"),
    ] {
        let closed = world.evaluations.get(&caller, id).await.unwrap();
        assert_eq!((closed.state, closed.message.as_deref()), (EvaluationState::Error, Some(message)));
    }
    assert_eq!(world.evaluations.get(&caller, record.id).await.unwrap().stdout_text(), "some\n");
}

#[tokio::test]
async fn the_stream_can_be_taken_up_again_anywhere_and_gives_everything_once() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let id = world.evaluations.start(&caller, code("print ä1\nerror e1\nwait gate\nprint ö2\nreturn 1")).await.unwrap();
    running(&world, &caller, id).await;
    let (mut seen, mut cursor) = (String::new(), Cursor::default());
    let mut opened = false;
    loop {
        // A watcher of its own for every step: the cursor alone carries the place.
        let mut watch = world.evaluations.watch(&caller, id).await.unwrap();
        let (events, next) = watch.emissions(cursor.to_string().parse().unwrap());
        assert!(next >= cursor);
        cursor = next;
        for event in &events {
            match event {
                Emission::Stdout { text, .. } | Emission::Stderr { text, .. } => seen.push_str(text),
                Emission::Status { .. } => {}
            }
        }
        if let Some(Emission::Status { evaluation, .. }) = events.last()
            && evaluation.state.is_final()
        {
            break;
        }
        if !opened && seen.contains("e1") {
            world.instances.open("gate");
            opened = true;
        }
        watch.changed().await;
    }
    let mut lines: Vec<_> = seen.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["e1", "ä1", "ö2"]);
    let (rest, _) = world.evaluations.watch(&caller, id).await.unwrap().emissions(cursor);
    assert!(rest.is_empty());
}

#[tokio::test]
async fn who_may_not_execute_is_told_so_and_who_may_not_browse_learns_nothing() {
    let world = World::new().await;
    let administrator = world.administrator().await;
    let hidden = create(&world, &administrator, "hidden", None).await;
    let anna = world.add_user("anna", &[]).await;
    let refused = world.evaluations.start(&anna, code_in(hidden, "")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    let monitor = world.add_user("mona", &[Role::Monitor]).await;
    assert_eq!(world.evaluations.start(&monitor, code("")).await.unwrap_err().kind(), ErrorKind::MissingPrivilege);
    assert!(world.evaluations.start(&anna, code_in(DEFAULT_RUNTIME_ID, "")).await.is_ok());
}

#[tokio::test]
async fn a_refused_start_leaves_nothing_behind() {
    let world = World::with(WorldSettings { max_running: 1, max_queued: 0, ..WorldSettings::default() }).await;
    let caller = world.administrator().await;
    for _ in 0..3 {
        let refused = world.evaluations.start(&caller, code_in(RuntimeId::random(), "")).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound);
    }
    world.store.set_broken(true);
    assert_eq!(world.evaluations.start(&caller, code("")).await.unwrap_err().kind(), ErrorKind::Internal);
    world.store.set_broken(false);
    let id = world.evaluations.start(&caller, code("print fine")).await.unwrap();
    assert_eq!(finished(&world, &caller, id).await.stdout_text(), "fine\n");
    assert!(world.store.ping().await.is_ok());
}

#[tokio::test]
async fn the_end_lets_running_ones_finish_and_refuses_new_ones() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let id = world.evaluations.start(&caller, code("wait gate\nprint done")).await.unwrap();
    running(&world, &caller, id).await;
    let evaluations = world.evaluations.clone();
    let end = tokio::spawn(async move { evaluations.shut_down().await });
    while world.evaluations.start(&caller, code("")).await.map_err(|error| error.kind()) != Err(ErrorKind::Unavailable)
    {
        tokio::task::yield_now().await;
    }
    world.instances.open("gate");
    end.await.unwrap();
    assert_eq!(world.evaluations.get(&caller, id).await.unwrap().stdout_text(), "done\n");
}

#[tokio::test]
async fn the_revision_of_the_runtime_is_recorded() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let id = world.evaluations.start(&caller, code("")).await.unwrap();
    let revision = world.store.runtime(DEFAULT_RUNTIME_ID).await.unwrap().unwrap().revision;
    assert_eq!(finished(&world, &caller, id).await.revision, revision);
}

#[tokio::test]
async fn the_end_waits_for_those_who_are_just_being_accepted() {
    let world = World::new().await;
    let caller = world.administrator().await;
    world.store.set_slow(true);
    let (evaluations, who) = (world.evaluations.clone(), caller.clone());
    let start = tokio::spawn(async move { evaluations.start(&who, code("print done")).await });
    while world.evaluations.counts() == EvaluationCounts::default() {
        tokio::task::yield_now().await;
    }
    let evaluations = world.evaluations.clone();
    let end = tokio::spawn(async move { evaluations.shut_down().await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!end.is_finished());
    world.store.set_slow(false);
    let id = start.await.unwrap().unwrap();
    end.await.unwrap();
    assert!(world.store.evaluation(id).await.unwrap().unwrap().state.is_final());
}

/// Whoever waits for the end gets it when it is durable, and it is written once.
#[tokio::test]
async fn what_ends_while_its_caller_waits_is_recorded_as_it_ended() {
    let world = World::new().await;
    let caller = world.administrator().await;
    for waits in [true, false] {
        let id = world.evaluations.start(&caller, StartEvaluation { waits, ..code("print done") }).await.unwrap();
        world.evaluations.watch(&caller, id).await.unwrap().finished().await;
        let record = world.store.evaluation(id).await.unwrap().unwrap();
        assert_eq!((record.state, record.stdout_text().as_str()), (EvaluationState::Ready, "done\n"));
    }
}

/// Definitions that were read a moment ago are used again; a change makes an end of that.
#[tokio::test]
async fn a_changed_definition_counts_for_the_next_evaluation() {
    let world = World::new().await;
    let administrator = world.administrator().await;
    let id = create(&world, &administrator, "changing", None).await;
    let before = world.evaluations.start(&administrator, code_in(id, "print a")).await.unwrap();
    let before = finished(&world, &administrator, before).await.revision;
    let change = RuntimeChange { description: Some("changed".to_owned()), ..RuntimeChange::default() };
    world.runtimes.alter(&administrator, id, change).await.unwrap();
    let after = world.evaluations.start(&administrator, code_in(id, "print b")).await.unwrap();
    let after = finished(&world, &administrator, after).await.revision;
    assert_ne!(before, after);
    assert_eq!(world.store.runtime(id).await.unwrap().unwrap().revision, after);
}
