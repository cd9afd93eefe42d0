//! What an instance may use up, tried out.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod common;

use vivarium_sandbox::ExitStatus;

#[tokio::test]
async fn one_disk_limit_holds_for_all_scratch_space_in_sum() {
    let Some(sandbox) = common::sandbox("disk") else { return };
    let script = "
written = 0
for place in ('/tmp/a', '/dev/shm/b', '/tmp/c'):
    with open(place, 'wb', buffering=0) as file:
        try:
            for _ in range(3): written += file.write(bytes(1 << 20))
        except OSError as error: print(error.errno)
print(written >> 20)
";
    let mut plan = common::python(script);
    plan.scratch.bytes = 5 << 20;
    let run = common::run(&sandbox, plan).await;
    assert_eq!(run.stdout, "28\n28\n5\n", "{}", run.stderr);
    sandbox.close().await;
}

#[tokio::test]
async fn the_inode_limit_holds_for_all_scratch_space_in_sum() {
    let Some(sandbox) = common::sandbox("inodes") else { return };
    let script = "
made = 0
try:
    for i in range(100):
        open(('/tmp/%d', '/dev/shm/%d')[i % 2] % i, 'w'); made += 1
except OSError as error: print(made, error.errno)
";
    let mut plan = common::python(script);
    plan.scratch.inodes = 40;
    let run = common::run(&sandbox, plan).await;
    assert_eq!(run.stdout, "40 28\n", "{}", run.stderr);
    sandbox.close().await;
}

#[tokio::test]
async fn too_much_memory_ends_the_instance_and_is_told() {
    let Some(sandbox) = common::sandbox("memory") else { return };
    let mut plan = common::python("print('begin', flush=True)\nx = bytearray(512 << 20)\nprint('end')");
    plan.limits.memory_bytes = 32 << 20;
    let run = common::run(&sandbox, plan).await;
    assert_eq!(run.stdout, "begin\n");
    assert!(run.exit.oom_killed && !run.exit.killed, "{:?}", run.exit);
    assert_eq!(run.exit.status, ExitStatus::Signal(9));
    let peak = run.exit.peak_memory_bytes.unwrap();
    assert!((16 << 20..=32 << 20).contains(&peak), "{peak}");
    sandbox.close().await;
}

#[tokio::test]
async fn scratch_space_counts_as_memory() {
    let Some(sandbox) = common::sandbox("tmpfs") else { return };
    let mut plan = common::shell("cat /dev/zero > /tmp/x; echo survived");
    plan.limits.memory_bytes = 16 << 20;
    let run = common::run(&sandbox, plan).await;
    assert!(run.exit.oom_killed, "{:?} {}", run.exit, run.stdout);
    sandbox.close().await;
}

#[tokio::test]
async fn a_grandchild_that_runs_out_of_memory_ends_all() {
    let Some(sandbox) = common::sandbox("grandchild") else { return };
    let script = "
import os, signal
if os.fork() == 0:
    x = bytearray(512 << 20)
    os._exit(0)
signal.pause()
";
    let mut plan = common::python(script);
    plan.limits.memory_bytes = 32 << 20;
    let run = common::run(&sandbox, plan).await;
    assert!(run.exit.oom_killed, "{:?}", run.exit);
    sandbox.close().await;
}

#[tokio::test]
async fn a_fork_bomb_is_held_and_cleaned_up() {
    let Some(sandbox) = common::sandbox("bomb") else { return };
    let script = "
import os, sys
def burst():
    while True:
        try:
            if os.fork() == 0: continue
        except OSError as error:
            os.write(1, b'%d\\n' % error.errno)
            while True: pass
burst()
";
    let mut plan = common::python(script);
    plan.limits.processes = 24;
    let mut instance = sandbox.spawn(plan).await.unwrap();
    let uid = instance.host_uid().unwrap();
    let pipes = instance.take_pipes().unwrap();
    let mut stdout = tokio::net::unix::pipe::Receiver::from_owned_fd(pipes.stdout).unwrap();
    assert_eq!(common::read_line(&mut stdout).await, "11");
    assert!(common::processes_of(uid).len() <= 24);
    // A neighbour still runs.
    assert_eq!(common::run(&sandbox, common::shell("echo fine")).await.stdout, "fine\n");
    instance.kill();
    let exit = instance.wait().await;
    assert!(exit.process_limit_hit && exit.killed, "{exit:?}");
    assert!(common::processes_of(uid).is_empty());
    sandbox.close().await;
}

#[tokio::test]
async fn the_processor_quota_holds() {
    let Some(sandbox) = common::sandbox("cpu") else { return };
    let script = "
import time
begin, cpu = time.monotonic(), time.process_time()
while time.monotonic() < begin + 1: pass
print(time.process_time() - cpu)
";
    let mut plan = common::python(script);
    plan.limits.cpu_millicores = 200;
    let run = common::run(&sandbox, plan).await;
    let used: f64 = run.stdout.trim().parse().unwrap();
    assert!(used < 0.5, "{used} s of processor time in 1 s");
    assert!(run.exit.cpu_micros.unwrap() > 50_000);
    sandbox.close().await;
}

/// What the kernel has noted for an instance: `cpu.weight` of version 2, or `cpu.shares` of version 1 in its measure.
fn noted_weight(instance: &str) -> u32 {
    let find = format!(
        "find /sys/fs/cgroup -path '*weight*/{instance}/cpu.[ws]*' -name 'cpu.weight' -o -path '*weight*/{instance}/cpu.shares'"
    );
    let found = std::process::Command::new("sh").args(["-c", &find]).output().unwrap();
    let path = String::from_utf8(found.stdout).unwrap();
    let path = path.lines().next().unwrap();
    let number: u32 = std::fs::read_to_string(path).unwrap().trim().parse().unwrap();
    if path.ends_with("shares") { number * 100 / 1024 } else { number }
}

#[tokio::test]
async fn the_share_of_the_processors_is_noted_and_can_change() {
    let Some(sandbox) = common::sandbox("weight") else { return };
    let mut plan = common::python("import time; time.sleep(60)");
    plan.limits.cpu_weight = 300;
    let instance = sandbox.spawn(plan).await.unwrap();
    assert_eq!(noted_weight(instance.name()), 300);
    instance.weigh_cpu(50).unwrap();
    assert_eq!(noted_weight(instance.name()), 50);
    drop(instance);
    sandbox.close().await;
}

#[tokio::test]
async fn the_time_of_children_that_nobody_waited_for_is_counted() {
    let script = "
import os, time
reader, writer = os.pipe()
if os.fork() == 0:
    while time.process_time() < 0.3: pass
    os.write(writer, b'x'); time.sleep(60)
os.read(reader, 1)
print('not waited')
";
    let Some(sandbox) = common::sandbox("unwaited") else { return };
    let run = common::run(&sandbox, common::python(script)).await;
    assert_eq!(run.stdout, "not waited\n", "{}", run.stderr);
    assert!(run.exit.cpu_micros.unwrap() > 290_000, "{:?}", run.exit);
    sandbox.close().await;
}
