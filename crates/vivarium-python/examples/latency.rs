//! Measures `Instances::run` of `print(1)`, by a parked instance and by one made on demand, beside a bare interpreter:
//! in turns, so that all see the same machine. Before each turn the pool is full and the machine at rest.
//!
//! `cargo run --release -p vivarium-python --example latency -- [ROUNDS]`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vivarium_domain::id::{EvaluationId, RuntimeId};
use vivarium_domain::ports::{
    Ending, EnvironmentBuild, Environments, InstanceEvent, InstanceLimits, Instances, ParkingOrder, Predefined,
    RunRequest,
};
use vivarium_domain::runtime::{InstanceMode, Resource, Serving};
use vivarium_python::{PoolSettings, PythonEnvironments, PythonInstances, PythonSettings};
use vivarium_sandbox::network::NetworkSettings;
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
    let instances = PythonInstances::new(
        Arc::clone(&environments),
        sandbox.clone(),
        PoolSettings::default(),
        NetworkSettings::default(),
    );
    for interpreter in environments.interpreters() {
        let version = interpreter.version.to_string();
        let build = EnvironmentBuild { python_version: version.clone(), packages: Vec::new(), afresh: false };
        let serving = environments.build(build, &|_| {}).await.serving.unwrap();
        let runtime = RuntimeId::random();
        let order = ParkingOrder {
            runtime,
            serving: serving.clone(),
            mode: InstanceMode::default(),
            resource: limits().resource,
            min: 2,
            max: 2,
        };
        instances.keep_ready(order);
        let (mut bare, mut warm, mut cold) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            rest(&instances, &sandbox, runtime).await;
            bare.push(interpret(&interpreter.executable));
            warm.push(run(&instances, request(runtime, &serving), true).await);
            rest(&instances, &sandbox, runtime).await;
            cold.push(run(&instances, request(RuntimeId::random(), &serving), false).await);
        }
        report(&version, bare, &warm, &cold);
        instances.release(runtime).await;
    }
    sandbox.close().await;
}

/// Until the pool is full and what was used is gone, and a little longer.
async fn rest(instances: &PythonInstances, sandbox: &Sandbox, runtime: RuntimeId) {
    while instances.pool(runtime).parked < 2 || sandbox.live() > 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
}

fn interpret(executable: &Path) -> Duration {
    let moment = Instant::now();
    let mut command = Command::new(executable);
    let output = command.args(["-I", "-S", "-c", "print(1)"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.stdout, b"1\n");
    moment.elapsed()
}

/// Until the whole output is there, and until the instance is gone.
async fn run(instances: &PythonInstances, request: RunRequest, warm: bool) -> [Duration; 2] {
    let (sender, mut events) = mpsc::unbounded_channel();
    let moment = Instant::now();
    let listen = async {
        let (mut stdout, mut heard) = (Vec::new(), Duration::ZERO);
        while let Some(event) = events.recv().await {
            if let InstanceEvent::Stdout(bytes) = event {
                stdout.extend(bytes);
                heard = moment.elapsed();
            }
        }
        assert_eq!(stdout, b"1\n");
        heard
    };
    let run = async { (instances.run(request, sender, CancellationToken::new()).await, moment.elapsed()) };
    let ((outcome, gone), heard) = tokio::join!(run, listen);
    assert_eq!((outcome.ending, outcome.warm), (Ending::Completed { output: None }, warm));
    [heard, gone]
}

fn request(runtime: RuntimeId, serving: &Serving) -> RunRequest {
    RunRequest {
        evaluation: EvaluationId::random(),
        runtime,
        serving: serving.clone(),
        mode: InstanceMode::default(),
        source: "print(1)".to_owned(),
        variables: Vec::new(),
        predefined: Predefined::default(),
        limits: limits(),
    }
}

fn limits() -> InstanceLimits {
    InstanceLimits {
        resource: Resource { cpu_millis: 2000, ..Resource::default() },
        time: Duration::from_secs(10),
        output_bytes: 1 << 20,
        result_bytes: 1 << 20,
    }
}

fn report(version: &str, mut bare: Vec<Duration>, warm: &[[Duration; 2]], cold: &[[Duration; 2]]) {
    bare.sort();
    let at = |times: &[Duration], share: usize| times[times.len() * share / 100].as_secs_f64() * 1e3;
    let bare50 = at(&bare, 50);
    println!("{version}: bare p50 {bare50:.2} ms");
    for (name, rows) in [("warm", warm), ("cold", cold)] {
        for (until, column) in ["output", "end"].into_iter().zip(0..) {
            let mut times: Vec<_> = rows.iter().map(|row| row[column]).collect();
            times.sort();
            let (p50, p99) = (at(&times, 50), at(&times, 99));
            let (ratio, tail) = (p50 / bare50, p99 / p50);
            println!(
                "  {name} to {until}: p50 {p50:.2} ms, ratio {ratio:.2}; p99 {p99:.2} ms, {tail:.1} times its p50"
            );
        }
    }
}
