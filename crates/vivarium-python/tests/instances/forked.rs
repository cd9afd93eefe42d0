//! Instances that come from a zygote.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use vivarium_domain::ports::{Instances, ParkingOrder, RunRequest};
use vivarium_domain::runtime::InstanceMode;

use crate::house::{House, house};
/// Until something holds.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

const WHO: &str = "import os, sys\ndef get_results(): return [os.getpid(), hash('x'), id(os), 'ctypes' in sys.modules]";

fn order(request: &RunRequest, min: u32) -> ParkingOrder {
    let (runtime, serving) = (request.runtime, request.serving.clone());
    ParkingOrder { runtime, serving, mode: request.mode, resource: request.limits.resource, min, max: min }
}

/// Runs another script in the runtime of a request.
async fn again(house: &House, request: &RunRequest, source: &str) -> Value {
    let request = RunRequest { source: source.to_owned(), ..request.clone() };
    house.run_request(request).await.output().unwrap()
}

/// Every process that descends from this one and was started with a word.
fn descendants(word: &str) -> BTreeSet<i32> {
    let read = |pid: i32, file: &str| std::fs::read_to_string(PathBuf::from("/proc").join(pid.to_string()).join(file));
    let all: Vec<i32> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .collect();
    let parent = |pid: i32| -> Option<i32> {
        let status = read(pid, "status").ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
    };
    let own = i32::try_from(std::process::id()).unwrap();
    let mine = |pid: &i32| std::iter::successors(Some(*pid), |pid| parent(*pid)).any(|pid| pid == own);
    let said = |pid: &i32| read(*pid, "cmdline").is_ok_and(|text| text.contains(word));
    all.into_iter().filter(mine).filter(said).collect()
}

/// An instance that has answered may be gone by now.
fn kill(pid: i32) {
    let killed = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
    assert!(matches!(killed, Ok(()) | Err(Errno::SRCH)), "{killed:?}");
}

#[tokio::test]
async fn instances_of_one_zygote_are_forks_of_it_and_fresh_ones_are_not() {
    let Some(house) = house().await else { return };
    let request = house.request(WHO).await;
    let forked = [again(&house, &request, WHO).await, again(&house, &request, WHO).await];
    assert_eq!(forked[0], forked[1], "the same hash seed and layout");
    assert_eq!(forked[0][0], 2, "behind the first process of its cell");
    let fresh = RunRequest { mode: InstanceMode::Fresh, ..request };
    let fresh = [again(&house, &fresh, WHO).await, again(&house, &fresh, WHO).await];
    assert_eq!(fresh[0][0], 1);
    assert_ne!(fresh[0][1], fresh[1][1], "a hash seed of its own");
    assert_ne!(fresh[0][2], fresh[1][2], "a layout of its own");
}

#[tokio::test]
async fn zygotes_are_never_shared_between_runtimes() {
    let Some(house) = house().await else { return };
    let (one, other) = (house.request(WHO).await, house.request(WHO).await);
    let seeds = [again(&house, &one, WHO).await, again(&house, &other, WHO).await].map(|who| who[1].clone());
    assert_ne!(seeds[0], seeds[1]);
}

#[tokio::test]
async fn a_zygote_learns_what_scripts_load() {
    let Some(house) = house().await else { return };
    let probe = "import sys\ndef get_results(): return 'decimal' in sys.modules";
    let request = house.request(probe).await;
    assert_eq!(again(&house, &request, probe).await, json!(false));
    again(&house, &request, "import decimal\ndef get_results(): return 1").await;
    until("the module is there", async || again(&house, &request, probe).await == json!(true)).await;
}

#[tokio::test]
async fn modules_that_start_threads_or_cannot_be_loaded_are_left_out() {
    let Some(house) = house().await else { return };
    let make = "open('own.py', 'w').write('x = 1')\nimport starter, own, decimal\ndef get_results(): return 1";
    let request = house.request(make).await;
    let packages = house.data.path().join("environments").join(&request.serving.environment).join("tree");
    let starter = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n";
    std::fs::write(packages.join("starter.py"), starter).unwrap();
    again(&house, &request, make).await;
    let probe = "import sys\ndef get_results(): return [name in sys.modules for name in ('decimal', 'starter', 'own')]";
    let wanted = json!([true, false, false]);
    until("the harmless one is there", async || again(&house, &request, probe).await == wanted).await;
}

#[tokio::test]
async fn a_killed_zygote_is_replaced_and_no_request_is_lost() {
    let Some(house) = house().await else { return };
    let request = house.request(WHO).await;
    let before = again(&house, &request, WHO).await;
    for round in 0..3 {
        for pid in descendants("/vivarium/zygote.py") {
            kill(pid);
        }
        let after = again(&house, &request, WHO).await;
        assert_eq!(after[0], 2, "round {round}: forked again");
        assert_ne!(after[1], before[1]);
    }
}

#[tokio::test]
async fn what_a_zygote_forked_outlives_it() {
    let Some(house) = house().await else { return };
    let request = house.request("import time\ntime.sleep(600)").await;
    house.instances.keep_ready(order(&request, 2));
    until("two are parked", async || house.instances.pool(request.runtime).parked == 2).await;
    let zygotes = descendants("/vivarium/zygote.py");
    for pid in &zygotes {
        // The parked ones have the same name; the zygote is the oldest.
        if Some(pid) == zygotes.first() {
            kill(*pid);
        }
    }
    let ran = house.run_request(RunRequest { source: WHO.to_owned(), ..request.clone() }).await;
    assert!(ran.outcome.warm);
    assert_eq!(ran.output().unwrap()[0], 2);
}

#[tokio::test]
async fn nothing_is_left_when_a_runtime_is_released() {
    let Some(house) = house().await else { return };
    let request = house.request(WHO).await;
    house.instances.keep_ready(order(&request, 2));
    until("two are parked", async || house.instances.pool(request.runtime).parked == 2).await;
    house.instances.release(request.runtime).await;
    house.sandbox.settled().await;
    assert_eq!(descendants("/vivarium/zygote.py"), BTreeSet::new());
}

/// It is what a script could rely on: two forks must never draw the same.
#[tokio::test]
async fn random_numbers_differ_between_forks() {
    let Some(house) = house().await else { return };
    let draw = "import random, ssl, uuid, secrets, tempfile, multiprocessing\n\
        def get_results():\n    return [random.random(), ssl.RAND_bytes(8).hex(), str(uuid.uuid4()), secrets.token_hex(8),\n\
        \x20       next(tempfile._get_candidate_names()), bytes(multiprocessing.current_process().authkey).hex()]";
    let request = house.request(draw).await;
    again(&house, &request, draw).await;
    let probe = "import sys\ndef get_results(): return 'ssl' in sys.modules";
    until("the modules are there", async || again(&house, &request, probe).await == json!(true)).await;
    let mut seen = BTreeSet::new();
    for _ in 0..10 {
        for value in again(&house, &request, draw).await.as_array().unwrap() {
            assert!(seen.insert(value.to_string()), "{value} was drawn twice");
        }
    }
}
