//! Measures `Instances::run` of `print(1)` beside a bare interpreter, in turns, so that both see the same machine.
//!
//! `cargo run --release -p vivarium-python --example latency -- [ROUNDS]`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vivarium_domain::id::{EvaluationId, RuntimeId};
use vivarium_domain::ports::{Ending, EnvironmentBuild, Environments, InstanceLimits, Instances, RunRequest};
use vivarium_domain::runtime::Resource;
use vivarium_python::{PythonEnvironments, PythonInstances, PythonSettings};
use vivarium_sandbox::{LauncherCommand, Sandbox, Settings};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1).peekable();
    if args.peek().is_some_and(|word| word == "sandbox-launcher") {
        return vivarium_sandbox::launcher::main(args.skip(1));
    }
    let rounds = args.next().map_or(300, |text| text.parse().unwrap());
    tokio::runtime::Runtime::new().unwrap().block_on(measure(rounds));
    ExitCode::SUCCESS
}

async fn measure(rounds: usize) {
    let data = tempfile::tempdir().unwrap();
    let settings = PythonSettings::new(data.path(), std::env::vars().collect());
    let environments = Arc::new(PythonEnvironments::open(settings).await.unwrap());
    let program = std::env::current_exe().unwrap();
    let launcher = LauncherCommand { program, args: vec!["sandbox-launcher".to_owned()] };
    let sandbox = Sandbox::new(Settings::new(launcher, format!("latency-{}", std::process::id()))).unwrap();
    let instances = PythonInstances::new(Arc::clone(&environments), sandbox.clone());
    for interpreter in environments.interpreters() {
        let version = interpreter.version.to_string();
        let build = EnvironmentBuild { python_version: version.clone(), packages: Vec::new(), afresh: false };
        let serving = environments.build(build, &|_| {}).await.serving.unwrap();
        let request = || RunRequest {
            evaluation: EvaluationId::random(),
            runtime: RuntimeId::random(),
            serving: serving.clone(),
            source: "print(1)".to_owned(),
            variables: Vec::new(),
            limits: limits(),
        };
        let (mut bare, mut runs, mut walls) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let moment = Instant::now();
            let mut command = Command::new(&interpreter.executable);
            let output = command.args(["-I", "-S", "-c", "print(1)"]).stdin(Stdio::null()).output().unwrap();
            bare.push(moment.elapsed());
            assert_eq!(output.stdout, b"1\n");
            let (sender, _events) = mpsc::unbounded_channel();
            let moment = Instant::now();
            let outcome = instances.run(request(), sender, CancellationToken::new()).await;
            runs.push(moment.elapsed());
            walls.push(outcome.wall);
            assert_eq!(outcome.ending, Ending::Completed { output: None });
        }
        report(&version, bare, runs, walls);
    }
    sandbox.close().await;
}

fn limits() -> InstanceLimits {
    InstanceLimits {
        resource: Resource { cpu_millis: 2000, ..Resource::default() },
        time: Duration::from_secs(10),
        output_bytes: 1 << 20,
        result_bytes: 1 << 20,
    }
}

fn report(version: &str, mut bare: Vec<Duration>, mut runs: Vec<Duration>, mut walls: Vec<Duration>) {
    bare.sort();
    walls.sort();
    runs.sort();
    let at = |times: &[Duration], share: usize| times[times.len() * share / 100].as_secs_f64() * 1e3;
    let ratio = at(&runs, 50) / at(&bare, 50);
    let (bare50, run50, run99, wall50) = (at(&bare, 50), at(&runs, 50), at(&runs, 99), at(&walls, 50));
    println!(
        "{version}: bare p50 {bare50:.2} ms, run p50 {run50:.2} ms, p99 {run99:.2} ms, ratio {ratio:.2}; {wall50:.2} ms from start to end"
    );
}
