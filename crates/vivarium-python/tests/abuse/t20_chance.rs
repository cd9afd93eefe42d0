//! T17, T20, T21, T25: many evaluations, ended in every way: no error, nothing drawn twice, nothing left.

use std::collections::BTreeSet;

use futures::future::join_all;
use vivarium_domain::ports::Ending;
use vivarium_domain::runtime::InstanceMode;

use crate::stage::{Stage, in_both_modes};

in_both_modes!(
    no_source_of_chance_repeats_itself,
    a_kill_that_races_the_exit_loses_nothing,
    nothing_is_left_of_many_evaluations,
);

async fn no_source_of_chance_repeats_itself(stage: &Stage) {
    let source = "import random, secrets, ssl, tempfile, uuid, hashlib
print(secrets.token_hex(8), uuid.uuid4(), ssl.RAND_bytes(8).hex(), random.random(), tempfile.mktemp(), os.urandom(8).hex())
print(hash('a text'), id(object()))";
    stage.park(2).await;
    let (mut seen, mut layouts) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..15 {
        for out in join_all((0..4).map(|_| stage.completed(source))).await {
            let (chance, layout) = out.split_once('\n').unwrap();
            for word in chance.split(' ') {
                assert!(seen.insert(word.to_owned()), "{word} came twice");
            }
            layouts.insert(layout.to_owned());
        }
    }
    assert_eq!(seen.len(), 360);
    if stage.mode() == InstanceMode::Fresh {
        assert_eq!(layouts.len(), 60, "hash seed and layout of addresses are each instance's own");
    }
}

async fn a_kill_that_races_the_exit_loses_nothing(stage: &Stage) {
    for _ in 0..25 {
        for ran in join_all((0..4).map(|_| stage.cancelled_when_up("os.write(1, b'up')"))).await {
            let ended = matches!(ran.outcome.ending, Ending::Completed { output: None } | Ending::Cancelled);
            assert!(ended && ran.out() == "up", "{:?} {:?}", ran.outcome.ending, ran.out());
        }
    }
}

/// What of the host could grow: mounts, descriptors, files of the node.
fn holdings(stage: &Stage) -> [usize; 3] {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count();
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
    let staging = std::fs::read_dir(stage.house.data.path().join("environments/.staging")).unwrap().count();
    [mounts, descriptors, staging]
}

async fn nothing_is_left_of_many_evaluations(stage: &Stage) {
    stage.completed("").await;
    stage.clear().await;
    let before = holdings(stage);
    for _ in 0..10 {
        let sources =
            ["print(1)", "os.abort()", "os.fork()\nwhile True: pass", "open('/tmp/x', 'w').write('x' * 9999)"];
        join_all(sources.map(async |source| {
            let mut request = stage.request(source);
            request.limits.time = std::time::Duration::from_millis(500);
            stage.house.run_request(request).await
        }))
        .await;
        stage.cancelled_when_up("os.fork()\nprint('up')\nwhile True: pass").await;
    }
    stage.clear().await;
    // A zygote that was being replaced goes a little later than the instances.
    let fits = || holdings(stage).iter().zip(before).all(|(now, then)| *now <= then);
    let settled = async {
        while !fits() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let settled = tokio::time::timeout(std::time::Duration::from_secs(20), settled).await;
    assert!(settled.is_ok(), "{before:?} became {:?}", holdings(stage));
    assert_eq!(stage.house.sandbox.live(), 0);
}
