//! Every way in which an evaluation can end.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use vivarium_domain::ports::{Ending, InstanceEvent};
use vivarium_domain::runtime::Serving;

use crate::house::house;

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_ends_well_is_completed() {
    let Some(house) = house().await else { return };
    let ran = house.run("print('hello')").await;
    assert_eq!(ran.outcome.ending, Ending::Completed { output: None }, "{}", ran.stderr);
    assert_eq!((ran.out(), ran.stderr.as_str()), ("hello\n", ""));
    assert_eq!(ran.events[0], InstanceEvent::Started);
    assert!(ran.outcome.wall > Duration::ZERO && ran.outcome.cpu > Duration::ZERO);
    assert!(ran.outcome.peak_memory_bytes > 0);
    house.sandbox.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exits_keep_their_code() {
    let Some(house) = house().await else { return };
    for source in ["import sys; sys.exit()", "import sys; sys.exit(0)", "exit()", "import os; os._exit(0)"] {
        assert_eq!(house.run(source).await.outcome.ending, Ending::Completed { output: None }, "{source}");
    }
    assert_eq!(house.run("import sys; sys.exit(5)").await.message(), "exited with code 5");
    assert_eq!(house.run("import os; os._exit(6)").await.message(), "exited with code 6");
    let ran = house.run("import sys; sys.exit('no input')").await;
    assert_eq!((ran.message(), ran.stderr.as_str()), ("exited with code 1: no input", "no input\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_names_its_line_and_shows_only_the_script() {
    let Some(house) = house().await else { return };
    let source = "def check(region):\n    raise ValueError('bad region')\nprint('start')\ncheck(1)\n";
    let ran = house.run(source).await;
    assert_eq!(ran.message(), "ValueError: bad region (line 2)");
    assert_eq!(ran.out(), "start\n");
    let trace = &ran.stderr;
    assert!(
        trace.starts_with("Traceback (most recent call last):\n  File \"<script>\", line 4, in <module>\n    check(1)"),
        "{trace}"
    );
    assert!(trace.contains("    raise ValueError('bad region')\n") && !trace.contains("harness"), "{trace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_exceptions_are_failures_too() {
    let Some(house) = house().await else { return };
    for (source, message) in [
        ("x = (", "SyntaxError: '(' was never closed (line 1)"),
        ("class E(Exception):\n    def __str__(self): raise E\nraise E()", "E: <it has no text> (line 3)"),
        ("\nraise KeyboardInterrupt", "KeyboardInterrupt (line 2)"),
        ("raise BaseException('x\\ny')", "BaseException: x y (line 1)"),
        ("import json\njson.loads('{')", "json.decoder.JSONDecodeError: "),
        ("def f(): f()\nf()", "RecursionError: maximum recursion depth exceeded"),
        ("x = bytearray(10**15)", "MemoryError: the memory limit was reached (line 1)"),
        ("import sys\nsys.excepthook = lambda *a: 1/0\n1/0", "ZeroDivisionError: division by zero (line 3)"),
    ] {
        let ran = house.run(source).await;
        assert!(ran.message().starts_with(message), "{source}: {} {}", ran.message(), ran.stderr);
    }
    let ran = house.run("x = 'a\0b'").await;
    assert!(ran.message().contains("null bytes"), "{}", ran.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_names_its_signal() {
    let Some(house) = house().await else { return };
    let ran = house.run("import ctypes\nprint('before')\nctypes.string_at(1)").await;
    assert_eq!((ran.message(), ran.out()), ("ended by signal 11 (SIGSEGV)", "before\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_limit_keeps_what_was_printed() {
    let Some(house) = house().await else { return };
    for source in [
        "print('partial', end='')\nwhile True: pass",
        "import signal\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nprint('partial', end='')\nwhile True: pass",
    ] {
        let mut request = house.request(source).await;
        request.limits.time = Duration::from_secs(1);
        let ran = house.run_request(request).await;
        assert_eq!((ran.outcome.ending.clone(), ran.out()), (Ending::TimeLimit, "partial"));
        let wall = ran.outcome.wall;
        assert!((Duration::from_millis(1000)..Duration::from_millis(1300)).contains(&wall), "{wall:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_limit_says_so() {
    let Some(house) = house().await else { return };
    let mut request = house.request("print('before')\nx = [bytearray(1 << 20) for _ in range(1000)]").await;
    request.limits.resource.memory_mib = 64;
    let ran = house.run_request(request).await;
    assert_eq!((ran.outcome.ending.clone(), ran.out()), (Ending::MemoryLimit, "before\n"), "{}", ran.stderr);
    assert!(ran.outcome.peak_memory_bytes > 32 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_ends_it_at_once() {
    let Some(house) = house().await else { return };
    let cancel = CancellationToken::new();
    let request = house.request("import sys, time\nsys.stdout.write('up\\n')\ntime.sleep(1000)").await;
    let moment = std::cell::Cell::new(None);
    let ran = house
        .run_until(request, cancel.clone(), |event| {
            if matches!(event, InstanceEvent::Stdout(_)) {
                moment.set(Some(Instant::now()));
                cancel.cancel();
            }
        })
        .await;
    assert_eq!((ran.outcome.ending.clone(), ran.out()), (Ending::Cancelled, "up\n"));
    assert!(moment.get().unwrap().elapsed() < Duration::from_millis(500));
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let ran = house.run_until(house.request("print(1)").await, cancelled, |_| {}).await;
    assert_eq!((ran.outcome.ending, ran.events), (Ending::Cancelled, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_limit_is_noticed() {
    let Some(house) = house().await else { return };
    let source = "import threading, time\nthreads = []\ntry:\n    for _ in range(100):\n        thread = threading.Thread(target=time.sleep, args=(0.2,))\n        thread.start()\nexcept RuntimeError as error:\n    print(error)";
    let mut request = house.request(source).await;
    request.limits.resource.processes = 10;
    let ran = house.run_request(request).await;
    assert!(ran.outcome.process_limit_hit, "{ran:?}");
    assert_eq!(ran.out(), "can't start new thread\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_started() {
    let Some(house) = house().await else { return };
    let mut request = house.request("print(1)").await;
    request.serving = Serving { environment: "../../etc".to_owned(), ..request.serving };
    let ran = house.run_request(request).await;
    let Ending::NotStarted { message } = ran.outcome.ending else { panic!() };
    assert_eq!(message, "the environment of the runtime is not on this node; hint: synchronize the runtime");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_run_leaves_nothing() {
    let Some(house) = house().await else { return };
    let request = house.request("import time\nprint('up', flush=True)\ntime.sleep(1000)").await;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let run = vivarium_domain::ports::Instances::run(&house.instances, request, sender, CancellationToken::new());
    tokio::select! {
        outcome = run => panic!("{outcome:?}"),
        () = async {
            while !matches!(receiver.recv().await.unwrap(), InstanceEvent::Stdout(_)) {}
        } => {}
    }
    tokio::time::timeout(Duration::from_secs(10), house.sandbox.settled()).await.unwrap();
}
