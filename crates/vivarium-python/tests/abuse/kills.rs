//! Somebody on the host, or the kernel for want of memory, kills the process that stands behind forked instances.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal, kill_process};
use tokio_util::sync::CancellationToken;
use vivarium_domain::ports::InstanceEvent;
use vivarium_domain::runtime::InstanceMode;

use crate::stage::{Stage, play};

fn read(pid: i32, file: &str) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok()
}

fn parent(pid: i32) -> Option<i32> {
    read(pid, "status")?.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Below this test, zygotes and what they forked; both have the same command line and the same parent.
fn from_zygotes() -> BTreeSet<i32> {
    let own = i32::try_from(std::process::id()).unwrap();
    let mine = |pid: &i32| std::iter::successors(Some(*pid), |pid| parent(*pid)).any(|pid| pid == own);
    let names = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| read(*pid, "cmdline").is_some_and(|text| text.contains("/vivarium/zygote.py")))
        .filter(mine)
        .collect()
}

fn kill_keepers() {
    for keeper in from_zygotes().into_iter().filter_map(parent).collect::<BTreeSet<_>>() {
        kill_process(Pid::from_raw(keeper).unwrap(), Signal::KILL).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_keeper_takes_its_instances_along_and_is_replaced() {
    let case = async |stage: &Stage| {
        let see = |event: &InstanceEvent| {
            if matches!(event, InstanceEvent::Stdout(_)) {
                kill_keepers();
            }
        };
        let sleeper = stage.request("os.write(1, b'up')\nimport time\ntime.sleep(600)");
        let ran = stage.house.run_until(sleeper, CancellationToken::new(), see).await;
        assert_eq!((ran.message(), ran.out()), ("ended by signal 9 (SIGKILL)", "up"));
        assert_eq!(stage.completed("print(os.getpid())").await, "2\n", "forked by the next one");
    };
    play(InstanceMode::Forked, case).await;
}
