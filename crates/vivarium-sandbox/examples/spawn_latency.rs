//! Measures spawn to exit of `/bin/true`, one at a time, beside a bare process of the same:
//! `cargo run --release -p vivarium-sandbox --example spawn_latency -- <launcher> [count]`.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use vivarium_sandbox::{LauncherCommand, Mount, Plan, Sandbox, SandboxError, Settings};

#[tokio::main]
async fn main() -> Result<(), SandboxError> {
    let mut args = std::env::args().skip(1);
    let launcher = LauncherCommand { program: args.next().unwrap_or_default().into(), args: Vec::new() };
    let count = args.next().and_then(|text| text.parse().ok()).unwrap_or(1000);
    let name = format!("latency-{}", std::process::id());
    let sandbox = Sandbox::new(Settings::new(launcher, name))?;
    let (mut spawns, mut totals, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..count {
        let begin = Instant::now();
        let mut instance = sandbox.spawn(plan()).await?;
        spawns.push(begin.elapsed());
        instance.wait().await;
        totals.push(begin.elapsed());
        let begin = Instant::now();
        let _status = Command::new("/bin/true").status();
        bare.push(begin.elapsed());
    }
    report("bare process", bare);
    report("spawn until the command runs", spawns);
    report("spawn until the exit is known", totals);
    throughput(&sandbox, count).await?;
    sandbox.close().await;
    Ok(())
}

fn plan() -> Plan {
    let mut plan = Plan::new("/usr/bin/true");
    for name in ["/usr", "/lib", "/lib64"] {
        let target = Path::new(name).to_owned();
        plan.mounts.push(match std::fs::read_link(name) {
            Ok(points_to) => Mount::Symlink { target, points_to },
            Err(_) => Mount::Bind { source: target.clone(), target, exec: true },
        });
    }
    plan.mounts.extend([Mount::Proc, Mount::Dev]);
    plan.mounts.push(Mount::Scratch { target: "/tmp".into(), mode: 0o1777, exec: false });
    plan
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    println!("{what}: p50 {:?}, p99 {:?}", at(50), at(99));
}

async fn throughput(sandbox: &Sandbox, count: usize) -> Result<(), SandboxError> {
    let begin = Instant::now();
    let worker = |sandbox: Sandbox| async move {
        for _ in 0..count / 8 {
            sandbox.spawn(plan()).await?.wait().await;
        }
        Ok::<_, SandboxError>(())
    };
    let workers: Vec<_> = (0..8).map(|_| tokio::spawn(worker(sandbox.clone()))).collect();
    for done in workers {
        done.await.map_err(|error| SandboxError::Silent(error.to_string()))??;
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("8 at once: {:.0} a second", (count / 8 * 8) as f64 / seconds);
    Ok(())
}
