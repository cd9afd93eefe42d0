//! Parked instances: the same results as fresh ones, never used twice, nothing left of them.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use vivarium_domain::evaluation::BoundVariable;
use vivarium_domain::ports::{Ending, InstanceEvent, Instances, ParkingOrder, PoolState, RunRequest};
use vivarium_domain::runtime::Serving;

use crate::house::{House, Ran, house};

const PATIENCE: Duration = Duration::from_secs(20);

fn order(request: &RunRequest, min: u32, max: u32) -> ParkingOrder {
    let (runtime, serving) = (request.runtime, request.serving.clone());
    ParkingOrder { runtime, serving, mode: request.mode, resource: request.limits.resource, min, max }
}

/// Until the pool is as wanted.
async fn until(house: &House, request: &RunRequest, wanted: impl Fn(&PoolState) -> bool) -> PoolState {
    let wait = async {
        loop {
            let state = house.instances.pool(request.runtime);
            if wanted(&state) {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{:?}", house.instances.pool(request.runtime)))
}

async fn parked(house: &House, request: &RunRequest, count: usize) -> PoolState {
    until(house, request, |state| state.parked == count && state.starting == 0).await
}

/// A runtime with one instance parked.
async fn ready(house: &House, source: &str) -> RunRequest {
    let request = house.request(source).await;
    house.instances.keep_ready(order(&request, 1, 1));
    parked(house, &request, 1).await;
    request
}

/// The pids of what runs in the sandbox of this test, as the host sees them: the interpreters, not their launchers.
fn interpreters(request: &RunRequest) -> Vec<i32> {
    let (minor, mut found) = (request.serving.python.minor, Vec::new());
    for entry in std::fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        let Some(pid) = path.file_name().and_then(|name| name.to_str()?.parse::<i32>().ok()) else { continue };
        let line = std::fs::read(path.join("cmdline")).unwrap_or_default();
        let ours = is_descendant(pid, i32::try_from(std::process::id()).unwrap());
        if ours && !is_zygote(&path) && String::from_utf8_lossy(&line).contains(&format!("python3.{minor}\0-I\0-S\0-B"))
        {
            found.push(pid);
        }
    }
    found
}

/// A zygote is the third process of its cell; instances are first or second in theirs.
fn is_zygote(process: &Path) -> bool {
    let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    numbers.is_some_and(|numbers| numbers.split_whitespace().next_back() == Some("3"))
}

fn is_descendant(mut pid: i32, ancestor: i32) -> bool {
    while pid > 1 {
        let Ok(stat) = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")) else {
            return false;
        };
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        pid = parent.unwrap_or(0);
        if pid == ancestor {
            return true;
        }
    }
    false
}

fn signal(pid: i32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// The same request by a parked instance and by a fresh one.
async fn both(house: &House, request: RunRequest) -> [Ran; 2] {
    house.instances.keep_ready(order(&request, 1, 1));
    parked(house, &request, 1).await;
    let warm = house.run_request(request.clone()).await;
    house.instances.release(request.runtime).await;
    let cold = house.run_request(request).await;
    assert!(warm.outcome.warm && !cold.outcome.warm);
    [warm, cold]
}

/// What has to be equal. Addresses in texts are not.
fn semantics(ran: &Ran) -> (Ending, String, String) {
    (ran.outcome.ending.clone(), String::from_utf8_lossy(&ran.stdout).into_owned(), ran.stderr.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_cannot_tell_a_parked_instance_from_a_fresh_one() {
    let Some(house) = house().await else { return };
    for source in [
        "print('out')\nimport sys\nprint('err', file=sys.stderr)",
        "def get_results():\n    return {'a': [1, 2.5, None, True, 'é\\u20ac'], 'b': (1,)}",
        "get_results = lambda: 'x' * 300_000",
        "def f():\n    raise ValueError('bad')\n\nf()",
        "x = (",
        "import sys\nsys.exit()",
        "import sys\nsys.exit(3)",
        "import sys\nsys.exit('text')",
        "import os\nos._exit(4)",
        "import ctypes\nctypes.string_at(1)",
        "import sys\nprint(sorted(sys.modules))",
        "import sys\nprint(sys.argv, sys.orig_argv if hasattr(sys, 'orig_argv') else None, sys.path, sys.flags)",
        "import sys\nprint(sorted(sys.path_importer_cache), [type(one).__name__ for one in sys.meta_path])",
        "import os\nprint(os.getcwd(), sorted(os.environ.items()), os.umask(0), os.getpid(), os.getppid())",
        "import os\nprint(sorted((fd, os.readlink('/proc/self/fd/' + fd).split(':')[0]) for fd in os.listdir('/proc/self/fd') if int(fd) < 4))",
        "import os\nprint(len(os.listdir('/proc/self/fd')))",
        "import os\nprint(sorted(os.listdir('/tmp')), os.listdir('/home/sandbox'), os.listdir('/dev/shm'))",
        "print(sorted(globals()), __name__, __builtins__, __doc__ if '__doc__' in globals() else '')",
        "import builtins\nprint(sorted(vars(builtins)))",
        "import sys\nprint(sys.stdout.fileno(), sys.stdout.encoding, sys.stdout.line_buffering, sys.stdin.read())",
        "import signal\nprint([signal.getsignal(one) for one in sorted(signal.valid_signals()) if one < 32])",
        "import gc, threading\nprint(gc.isenabled(), gc.get_freeze_count(), threading.active_count())",
        "import os\nopen('module.py', 'w').write('x = 5')\nimport module\nprint(module.x, os.path.exists('__pycache__'))",
        "import inspect\ndef f(): pass\ntry:\n    1/0\nexcept ZeroDivisionError:\n    import traceback\n    traceback.print_exc()",
        "print(input())",
        "import atexit\natexit.register(print, 'late')\nprint('early')",
        "import resource\nprint([resource.getrlimit(one) for one in range(16)])",
        "import multiprocessing as m\nif __name__ == '__main__':\n    print(m.get_context('fork').Pool(2).map(abs, [-1, -2]))",
    ] {
        let [warm, cold] = both(&house, house.request(source).await).await;
        assert_eq!(semantics(&warm), semantics(&cold), "{source}");
    }
    house.sandbox.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_and_packages_are_the_same() {
    let Some(house) = house().await else { return };
    for interpreter in vivarium_domain::ports::Environments::interpreters(&*house.environments) {
        let mut request = house.request("print($x, x, $missing if False else '')").await;
        request.serving = house.serving(&interpreter.version.to_string(), &[]).await;
        request.variables = vec![BoundVariable { name: "x".to_owned(), value: json!({"a": [1, "é'\"\\"]}) }];
        let [warm, cold] = both(&house, request).await;
        assert_eq!(semantics(&warm), semantics(&cold), "{}", interpreter.version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_from_the_hand_over() {
    let Some(house) = house().await else { return };
    let mut request = house.request("print('up')\nwhile True: pass").await;
    request.limits.time = Duration::from_secs(1);
    for ran in both(&house, request).await {
        assert_eq!((ran.outcome.ending.clone(), ran.out()), (Ending::TimeLimit, "up\n"));
        assert!((1000..1300).contains(&ran.outcome.wall.as_millis()), "{:?}", ran.outcome.wall);
    }
    let mut request = house.request("print('up')\nx = [bytearray(1 << 20) for _ in range(1000)]").await;
    request.limits.resource.memory_mib = 64;
    for ran in both(&house, request).await {
        assert_eq!((ran.outcome.ending.clone(), ran.out()), (Ending::MemoryLimit, "up\n"));
        assert!(ran.outcome.peak_memory_bytes > 32 << 20);
    }
    let mut request = house.request("print('x' * 100)").await;
    request.limits.output_bytes = 10;
    for ran in both(&house, request).await {
        assert!(ran.outcome.stdout_cut && ran.out() == "xxxxxxxxxx");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_that_of_the_evaluation_alone() {
    let Some(house) = house().await else { return };
    let source = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass";
    let [warm, cold] = both(&house, house.request(source).await).await;
    assert!((195..280).contains(&warm.outcome.cpu.as_millis()), "{:?}", warm.outcome.cpu);
    assert!(cold.outcome.cpu > warm.outcome.cpu, "{:?} {:?}", cold.outcome.cpu, warm.outcome.cpu);
    let [warm, _] = both(&house, house.request("print(1)").await).await;
    assert!(warm.outcome.cpu < Duration::from_millis(12), "{:?}", warm.outcome.cpu);
    assert!(warm.outcome.wall > Duration::ZERO && warm.outcome.peak_memory_bytes > 100 << 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_ends_it_at_once_and_before_it_began_nothing_runs() {
    let Some(house) = house().await else { return };
    let request = ready(&house, "import sys, time\nsys.stdout.write('up\\n')\ntime.sleep(1000)").await;
    let cancel = CancellationToken::new();
    let begin = Instant::now();
    let ran = house
        .run_until(request.clone(), cancel.clone(), |event| {
            if matches!(event, InstanceEvent::Stdout(_)) {
                cancel.cancel();
            }
        })
        .await;
    assert!(ran.outcome.warm && begin.elapsed() < Duration::from_secs(5));
    assert_eq!((ran.outcome.ending.clone(), ran.out()), (Ending::Cancelled, "up\n"));
    parked(&house, &request, 1).await;
    let ran = house.run_until(request.clone(), cancel, |_| {}).await;
    assert_eq!((ran.outcome.ending, ran.events), (Ending::Cancelled, vec![]));
    house.instances.release(request.runtime).await;
    house.sandbox.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_never_share_anything() {
    let Some(house) = house().await else { return };
    let source = "import os, builtins, random, uuid\nfor path in ['/tmp/mark', 'mark', '/dev/shm/mark']:\n    assert not os.path.exists(path)\n    open(path, 'w').write('x')\nassert not hasattr(builtins, 'mark')\nbuiltins.mark = 1\nprint(random.random(), uuid.uuid4())";
    let request = ready(&house, source).await;
    let mut seen: [std::collections::BTreeSet<String>; 2] = Default::default();
    for _ in 0..8 {
        parked(&house, &request, 1).await;
        let ran = house.run_request(request.clone()).await;
        assert!(ran.outcome.warm, "{ran:?}");
        assert_eq!(ran.outcome.ending, Ending::Completed { output: None }, "{}", ran.stderr);
        for (set, word) in seen.iter_mut().zip(ran.out().split_whitespace()) {
            assert!(set.insert(word.to_owned()), "{word} came twice");
        }
    }
    let state = parked(&house, &request, 1).await;
    assert_eq!((state.hits, state.misses, state.started, state.discarded), (8, 0, 9, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_instance_that_is_killed_is_replaced_and_nothing_is_lost() {
    let Some(house) = house().await else { return };
    let request = ready(&house, "print('ran')").await;
    for round in 0..2 {
        let [pid] = interpreters(&request)[..] else { panic!("{:?}", interpreters(&request)) };
        signal(pid, rustix::process::Signal::KILL);
        // At once: it may be seen before, at or after the hand-over; the script runs once all the same.
        let ran = house.run_request(request.clone()).await;
        assert_eq!((ran.outcome.ending.clone(), ran.out()), (Ending::Completed { output: None }, "ran\n"), "{round}");
        until(&house, &request, |state| state.discarded > round && state.parked == 1).await;
    }
    let [pid] = interpreters(&request)[..] else { panic!() };
    signal(pid, rustix::process::Signal::KILL);
    until(&house, &request, |state| state.discarded == 3 && state.parked == 1).await;
    house.instances.release(request.runtime).await;
    house.sandbox.settled().await;
    assert!(interpreters(&request).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_instance_that_hangs_is_passed_over() {
    let Some(house) = house().await else { return };
    let request = ready(&house, "print('ran')").await;
    let [pid] = interpreters(&request)[..] else { panic!() };
    signal(pid, rustix::process::Signal::STOP);
    let ran = house.run_request(request.clone()).await;
    assert_eq!((ran.outcome.ending.clone(), ran.out()), (Ending::Completed { output: None }, "ran\n"));
    assert!(!ran.outcome.warm && ran.outcome.wall < Duration::from_secs(4), "{:?}", ran.outcome.wall);
    let state = parked(&house, &request, 1).await;
    assert_eq!((state.hits, state.misses, state.discarded), (0, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_environment_or_other_limits_are_another_instance() {
    let Some(house) = house().await else { return };
    let request = ready(&house, "print('ran')").await;
    let mut other = request.clone();
    other.limits.resource.memory_mib += 1;
    assert!(!house.run_request(other.clone()).await.outcome.warm, "its limits differ");
    house.instances.keep_ready(order(&other, 1, 1));
    until(&house, &request, |state| state.discarded == 1 && state.parked == 1).await;
    assert!(!house.run_request(request.clone()).await.outcome.warm, "the old kind is retired");
    let begin = house.instances.pool(request.runtime);
    assert_eq!((begin.parked, begin.starting), (1, 0), "a miss of another kind takes none away");
    assert!(house.run_request(other).await.outcome.warm);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_leaves_nothing_and_can_be_followed_by_an_order() {
    let Some(house) = house().await else { return };
    let request = house.request("print(1)").await;
    house.instances.keep_ready(order(&request, 3, 3));
    // While some are parked and some are still starting.
    until(&house, &request, |state| state.parked > 0).await;
    tokio::join!(house.instances.release(request.runtime), house.instances.release(request.runtime));
    assert_eq!((house.sandbox.live(), interpreters(&request)), (0, vec![]));
    let state = house.instances.pool(request.runtime);
    assert_eq!((state.parked, state.starting, state.max, state.oldest), (0, 0, 0, None));
    house.instances.keep_ready(order(&request, 2, 2));
    parked(&house, &request, 2).await;
    house.instances.keep_ready(order(&request, 0, 0));
    parked(&house, &request, 0).await;
    house.instances.release(request.runtime).await;
    assert_eq!(house.sandbox.live(), 0);
    house.instances.close();
    house.sandbox.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_do_not_come_up_are_tried_again_with_pauses() {
    let Some(house) = house().await else { return };
    let mut request = house.request("print(1)").await;
    request.serving = Serving { environment: "0".repeat(64), ..request.serving };
    house.instances.keep_ready(order(&request, 1, 1));
    let state = until(&house, &request, |state| state.failed == 3).await;
    assert_eq!((state.parked, state.started), (0, 0));
    house.instances.release(request.runtime).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_stays_while_instances_are_parked_in_it() {
    let Some(house) = house().await else { return };
    let request = ready(&house, "print(1)").await;
    let none = std::collections::BTreeSet::new();
    let environments = &*house.environments;
    vivarium_domain::ports::Environments::collect_garbage(environments, &none).await;
    assert!(vivarium_domain::ports::Environments::exists(environments, &request.serving).await);
    assert!(house.run_request(request).await.outcome.warm);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_never_mixed_up() {
    let Some(house) = house().await else { return };
    let request = house.request("import sys\nprint($n)\ndef get_results(): return $n").await;
    house.instances.keep_ready(order(&request, 2, 2));
    parked(&house, &request, 2).await;
    let turns = tokio::sync::Semaphore::new(16);
    let one = async |number: usize| {
        let _turn = turns.acquire().await.unwrap();
        let mut request = request.clone();
        request.variables = vec![BoundVariable { name: "n".to_owned(), value: json!(number) }];
        let ran = house.run_request(request).await;
        assert_eq!((ran.output(), ran.out()), (Some(json!(number)), format!("{number}\n").as_str()));
        ran.outcome.warm
    };
    let warm = join_all((0..300).map(one)).await.into_iter().filter(|warm| *warm).count();
    let state = parked(&house, &request, 2).await;
    assert!(warm >= 2, "{warm}");
    assert_eq!((state.hits, state.misses), (warm as u64, 300 - warm as u64));
    assert_eq!((state.started, state.running), (state.hits + 2, 0), "each ran one evaluation");
    house.instances.release(request.runtime).await;
    house.sandbox.settled().await;
}
