//! T15: floods of files, processes, threads and output; ends that nobody likes.

use std::time::Duration;

use vivarium_domain::ports::Ending;

use crate::stage::{Stage, in_both_modes};

in_both_modes!(
    odd_files_do_not_outgrow_the_disk_limit,
    a_thread_bomb_is_held,
    daemons_do_not_outlive_their_script,
    a_child_that_blocks_every_signal_does_not_outlive_the_time_limit,
    a_flood_of_output_is_cut_and_does_not_grow_the_server,
    odd_sources_fail_or_run_but_break_nothing,
);

async fn odd_files_do_not_outgrow_the_disk_limit(stage: &Stage) {
    let source = "
with open('/tmp/sparse', 'wb') as file:
    os.truncate(file.fileno(), 1 << 40)
refuse('room for all of it', os.posix_fallocate, os.open('/tmp/sparse', os.O_WRONLY), 0, 1 << 40)
os.unlink('/tmp/sparse')
os.symlink('/tmp/loop', '/tmp/loop')
refuse('a loop of links', open, '/tmp/loop')
os.close(os.open(b'/tmp/\\xff\\xfe\\x80', os.O_CREAT | os.O_WRONLY))
assert b'\\xff\\xfe\\x80' in os.listdir(b'/tmp')
def deep():
    while True:
        os.mkdir('d' * 200)
        os.chdir('d' * 200)
refuse('directories without end', deep)
";
    let mut request = stage.request(&format!("{source}print('end')"));
    request.limits.resource.disk_mib = 8;
    let ran = stage.house.run_request(request).await;
    assert_eq!(
        (ran.outcome.ending.clone(), ran.out()),
        (Ending::Completed { output: None }, "end\n"),
        "{}",
        ran.stderr
    );
}

async fn a_thread_bomb_is_held(stage: &Stage) {
    let source = "import threading, time
def loop():
    while True: time.sleep(1)
while True:
    try: threading.Thread(target=loop, daemon=True).start()
    except RuntimeError: break
print('held')
os._exit(0)";
    let mut request = stage.request(source);
    request.limits.resource.processes = 32;
    let ran = stage.house.run_request(request).await;
    assert_eq!(ran.out(), "held\n", "{:?} {}", ran.outcome, ran.stderr);
    assert!(ran.outcome.process_limit_hit);
}

async fn daemons_do_not_outlive_their_script(stage: &Stage) {
    let source = "
for number in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork(): os._exit(0)
        os.closerange(0, 100) if number % 2 else None
        while True: os.sched_yield()
";
    assert_eq!(stage.completed(&format!("{source}print('parent')")).await, "parent\n");
    stage.clear().await;
}

async fn a_child_that_blocks_every_signal_does_not_outlive_the_time_limit(stage: &Stage) {
    let source = "import signal
os.fork(); os.fork()
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
while True: pass";
    let mut request = stage.request(source);
    request.limits.time = Duration::from_secs(1);
    let ran = stage.house.run_request(request).await;
    assert_eq!(ran.outcome.ending, Ending::TimeLimit, "{}", ran.stderr);
    assert!(ran.outcome.wall < Duration::from_secs(3), "{:?}", ran.outcome.wall);
}

async fn a_flood_of_output_is_cut_and_does_not_grow_the_server(stage: &Stage) {
    let source = "
if os.fork():
    for _ in range(64): os.write(1, b'o' * (1 << 20))
    os.wait()
else:
    for _ in range(64): os.write(2, b'e' * (1 << 20))
    os._exit(0)";
    let ran = stage.run(source).await;
    assert_eq!(ran.outcome.ending, Ending::Completed { output: None });
    assert_eq!((ran.stdout.len(), ran.stderr.len()), (1 << 20, 1 << 20));
    assert!(ran.outcome.stdout_cut && ran.outcome.stderr_cut);
}

async fn odd_sources_fail_or_run_but_break_nothing(stage: &Stage) {
    let nested = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
    for source in ["x = 'a\0b'", &nested, "\u{feff}\u{202e}x =", "import ctypes\nctypes.string_at(1)"] {
        let ran = stage.run(source).await;
        assert!(matches!(ran.outcome.ending, Ending::Failed { .. }), "{source:.40}: {:?}", ran.outcome.ending);
    }
    let large = "x = 1\n".repeat(100_000);
    assert_eq!(stage.completed(&format!("{large}print(x)")).await, "1\n");
}
